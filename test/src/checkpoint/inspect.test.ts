/** The command `inspect`, against headers read here byte by byte. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatInspection, inspect } from '../../../src/checkpoint/inspect';
import { run } from '../../../src/cli';
import { writeSafetensors } from '../../../weights/safetensors';

const fixtures = path.join(__dirname, '../../fixtures');
const sharded = path.join(fixtures, 'gemma2-mqa-bf16-sharded');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-inspect-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));

test('a sharded checkpoint: parameters, bytes and shapes', () => {
  const { config, groups, dtypes, memory } = inspect(sharded);
  assert.is(config?.hidden_size, 36);
  let bytes = 0;
  let tensors = 0;
  for (const name of fs.readdirSync(sharded).filter((one) => one.startsWith('model-'))) {
    const file = fs.readFileSync(path.join(sharded, name));
    const header = Number(file.readBigUInt64LE());
    bytes += file.length - 8 - header;
    tensors += Object.keys(JSON.parse(file.toString('utf8', 8, 8 + header))).length - 1;
  }
  // 50040: sum(p.numel() for p in model.parameters()) of transformers 5.18.
  assert.equal(dtypes, [{ dtype: 'BF16', tensors, parameters: 50040, bytes }]);
  assert.is(bytes, 2 * 50040);
  assert.equal(memory, { float32: 4 * 50040, bits16: 2 * 50040 });
  const name = 'model.layers.{0-4}.mlp.gate_proj.weight';
  const group = groups.find((one) => one.name === name);
  assert.equal(group, { name, dtype: 'BF16', shape: [64, 36], tensors: 5 });
  assert.is(
    groups.reduce((sum, one) => sum + one.tensors, 0),
    tensors,
  );
});

test('parts for images are shown, and take no memory: they are not loaded', () => {
  for (const name of ['gemma3mm-linear-f32', 'gemma3mm-published-bf16']) {
    const { groups, dtypes, memory } = inspect(path.join(fixtures, name));
    const count = ({ shape, tensors }: (typeof groups)[number]) =>
      tensors * shape.reduce((a, b) => a * b, 1);
    const text = groups.filter((one) => one.name.includes('language_model'));
    const numbers = text.reduce((sum, group) => sum + count(group), 0);
    assert.equal(memory, { float32: 4 * numbers, bits16: 2 * numbers });
    assert.ok(dtypes[0].parameters > numbers);
  }
});

test('layers of other shapes or dtypes are told apart, gaps and integers shown', () => {
  const file = path.join(scratch, 'mixed.safetensors');
  const data = new Float32Array(4);
  const layer = (n: number, shape: number[], dtype: 'F32' | 'F16' = 'F32') =>
    [`h.${n}.w`, { dtype, shape, data }] as const;
  writeSafetensors(file, {
    ...Object.fromEntries([0, 1, 2, 10, 12].map((n) => layer(n, [4]))),
    ...Object.fromEntries([layer(3, [2, 2]), layer(4, [4], 'F16')]),
    'mask.0.1': { dtype: 'U8', shape: [3], data: new Uint8Array(3) },
    scale: { dtype: 'F32', shape: [], data: new Float32Array(1) },
  });
  const found = inspect(file);
  const shown = found.groups.map(({ name, shape }) => `${name} ${shape}`).sort();
  const expected = ['h.3.w 2,2', 'h.4.w 4', 'h.{0-2,10,12}.w 4', 'mask.0.1 3', 'scale '];
  assert.equal(shown, expected);
  assert.equal(found.dtypes, [
    { dtype: 'F32', tensors: 7, parameters: 25, bytes: 100 },
    { dtype: 'F16', tensors: 1, parameters: 4, bytes: 8 },
    { dtype: 'U8', tensors: 1, parameters: 3, bytes: 3 },
  ]);
  assert.equal(found.memory, { float32: 116, bits16: 58 }, 'of the floats');
  const text = formatInspection(found, file);
  assert.match(text, /scale +F32 +scalar +1/);
  assert.not.match(text, 'config.json');
});

test('dtypes of any model type are read and counted; only floats count as weights', () => {
  const { dtypes, memory } = inspect(path.join(fixtures, 'safetensors/python.safetensors'));
  const found = Object.fromEntries(
    dtypes.map(({ dtype, parameters, bytes }) => [dtype, [parameters, bytes]]),
  );
  const wanted = {
    ...{
      F64: [12, 96],
      U64: [2, 16],
      C64: [2, 16],
      U32: [2, 8],
      U16: [2, 4],
      I16: [2, 4],
      I8: [3, 3],
    },
    ...{ F8_E4M3: [256, 256], F8_E5M2: [256, 256], F8_E8M0: [2, 2], F4: [4, 2] },
    ...{ F8_E4M3FNUZ: [2, 2], F8_E5M2FNUZ: [2, 2] },
  };
  for (const [dtype, counts] of Object.entries(wanted)) assert.equal(found[dtype], counts, dtype);
  const floats = dtypes.filter(({ dtype }) => /^(F|BF)/.test(dtype));
  const numbers = floats.reduce((sum, { parameters }) => sum + parameters, 0);
  assert.equal(memory, { float32: 4 * numbers, bits16: 2 * numbers });
});

test('what is no place is refused', () => {
  const odd = undefined as unknown as string;
  assert.throws(() => inspect(odd), /What to inspect must be a folder or a file, not undefined/);
});

test('inspect prints text or JSON, and refuses what it cannot read', async () => {
  const { log, error } = console;
  let out = '';
  console.log = (text: string) => {
    out += text;
  };
  console.error = console.log;
  const inspected = async (...words: string[]) => {
    out = '';
    return run(['node', 'cli', 'inspect', ...words]);
  };
  try {
    assert.is(await inspected(sharded), 0);
    assert.match(out, /head_dim: 8\n/);
    assert.match(out, /Weights in memory: 200 kB in float32, 100 kB in 16 bit\./);
    assert.is(await inspected(sharded, '--json'), 0);
    assert.equal(JSON.parse(out).dtypes, inspect(sharded).dtypes);
    assert.is(await inspected(path.join(scratch, 'gone.safetensors')), 2);
    assert.match(out, /gone\.safetensors: no such file/);
    assert.is(await inspected('gema-2-2b'), 2);
    assert.match(out, /Did you mean "gemma-2-2b"/);
  } finally {
    Object.assign(console, { log, error });
  }
});

test.run();
