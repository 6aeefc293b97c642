/** Graphics cards as a stand-in for nvidia-smi reports them. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cardInUse, graphicsCards, useOneCard } from '../../../src/backend/card';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-card-'));
const { PATH } = process.env;
test.after.each(() => {
  process.env.PATH = PATH;
});
test.after(() => fs.rmSync(folder, { recursive: true }));

/** Puts a program in the place of nvidia-smi. */
function driverSays(script: string): void {
  fs.writeFileSync(path.join(folder, 'nvidia-smi'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env.PATH = `${folder}:${PATH}`;
}

test('cards are read as the driver prints them, memory in bytes', () => {
  driverSays(`echo "NVIDIA H100 80GB HBM3, GPU-1111-22, 81559, 80000, 550.54"
    echo "NVIDIA T400, GPU-3333-44, 2048, [N/A], 550.54"`);
  assert.equal(graphicsCards(), [
    {
      name: 'NVIDIA H100 80GB HBM3',
      uuid: 'GPU-1111-22',
      memory: 81559 * 2 ** 20,
      free: 80000 * 2 ** 20,
      driver: '550.54',
    },
    {
      name: 'NVIDIA T400',
      uuid: 'GPU-3333-44',
      memory: 2 ** 31,
      free: Number.NaN,
      driver: '550.54',
    },
  ]);
});

test('without a driver, or where it fails, there are no cards', () => {
  driverSays('echo "NVIDIA-SMI has failed"; exit 9');
  assert.equal(graphicsCards(), []);
  driverSays('echo "No devices were found"');
  assert.equal(graphicsCards(), []);
  process.env.PATH = '/nowhere';
  assert.equal(graphicsCards(), []);
});

const card = (name: string, uuid: string) => ({ name, uuid, memory: 8, free: 4, driver: '1' });
const [a, b] = [card('A', 'GPU-aa11'), card('A', 'GPU-bb22')];
const other = card('B', 'GPU-cc33');
const PCI = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };

const cases: [string, (typeof a)[], NodeJS.ProcessEnv, typeof a | undefined][] = [
  ['the only one', [a], {}, a],
  ['the first of several alike', [a, b], {}, a],
  ['the one numbered', [a, b], { CUDA_VISIBLE_DEVICES: '1' }, b],
  ['the first of those numbered', [a, b], { CUDA_VISIBLE_DEVICES: ' 1, 0' }, b],
  ['the one named', [a, other, b], { CUDA_VISIBLE_DEVICES: 'GPU-bb' }, b],
  ['of different ones, numbered by slot', [a, other], { ...PCI, CUDA_VISIBLE_DEVICES: '1' }, other],
  ['of different ones, numbered by speed: unknown', [a, other], {}, undefined],
  ['numbered beyond the last: none', [a, b], { CUDA_VISIBLE_DEVICES: '2' }, undefined],
  ['hidden: none', [a, b], { CUDA_VISIBLE_DEVICES: '' }, undefined],
  ['hidden by -1: none', [a, b], { CUDA_VISIBLE_DEVICES: '-1' }, undefined],
  ['part of one: unknown', [a], { CUDA_VISIBLE_DEVICES: 'MIG-5c' }, undefined],
  ['no cards: none', [], {}, undefined],
];
for (const [what, cards, env, expected] of cases) {
  test(`the card in use: ${what}`, () => assert.is(cardInUse(cards, env), expected));
}

test('one card is left in sight', () => {
  const left = (CUDA_VISIBLE_DEVICES?: string) => {
    const env: NodeJS.ProcessEnv =
      CUDA_VISIBLE_DEVICES === undefined ? {} : { CUDA_VISIBLE_DEVICES };
    useOneCard(env);
    return env.CUDA_VISIBLE_DEVICES;
  };
  assert.is(left(), '0');
  assert.is(left('2,3'), '2');
  assert.is(left('GPU-aa11, GPU-bb22'), 'GPU-aa11');
  assert.is(left(''), '');
  assert.is(left('-1'), '-1');
});

test.run();
