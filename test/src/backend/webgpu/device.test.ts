/** What is made of a card's faults, with a card that fails when it is told to. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Device,
  guardDevice,
  type WebgpuBackend,
} from '../../../../src/backend/webgpu/device';
import { InputError } from '../../../../src/util/errors';

type Buffer = ReturnType<Device['createBuffer']>;

function failing() {
  let report: (event: { error: { message: string } }) => void = () => {};
  let lose: (how: { reason?: string; message: string }) => void = () => {};
  const destroyed: number[] = [];
  const buffer = (size: number): Buffer => ({ size, destroy: () => destroyed.push(size) });
  const backend: WebgpuBackend = {
    device: {
      limits: { maxBufferSize: 2000, maxStorageBufferBindingSize: 1000 },
      lost: new Promise((resolve) => {
        lose = resolve;
      }),
      createBuffer: ({ size }) => buffer(size),
      addEventListener: (_, listener) => {
        report = listener;
      },
    },
    bufferManager: {
      freeBuffers: new Map([['a', [buffer(7e7), buffer(7e7)]]]),
      ...{ numFreeBuffers: 2, numBytesAllocated: 15e7, numBytesUsed: 1e7 },
    },
    read: async () => new Float32Array(3),
    readSync: () => new Float32Array(3),
  };
  guardDevice(backend);
  return { backend, destroyed, report: (message: string) => report({ error: { message } }), lose };
}

async function failureOf(backend: WebgpuBackend): Promise<string> {
  try {
    await backend.read({});
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  return 'none';
}

test('after an error of the card every read throws, and names the first', async () => {
  const { backend, report } = failing();
  assert.is(await failureOf(backend), 'none');
  report('Out of memory.');
  report('Invalid buffer.');
  for (let i = 0; i < 2; i++) assert.match(await failureOf(backend), /Out of memory\..*wasm/);
  assert.throws(() => backend.readSync({}), /Out of memory/);
});

test('an error that comes while a read waits counts, too', async () => {
  const { backend, report } = failing();
  const failure = failureOf(backend);
  report('Out of memory.');
  assert.match(await failure, /Out of memory/);
});

test('a card that is lost is one that failed, unless it was put away', async () => {
  const lost = failing();
  lost.lose({ reason: 'unknown', message: 'The driver was reset.' });
  assert.match(await failureOf(lost.backend), /driver was reset/);
  const away = failing();
  away.lose({ reason: 'destroyed', message: '' });
  assert.is(await failureOf(away.backend), 'none');
});

test('a buffer that the card can not bind is refused', () => {
  const { backend } = failing();
  assert.is(backend.device.createBuffer({ size: 1000 }).size, 1000);
  assert.throws(() => backend.device.createBuffer({ size: 1001 }), /holds 1.00 kB at most/);
});

test('free buffers are destroyed when there are many bytes of them', async () => {
  const { backend, destroyed } = failing();
  await backend.read({});
  assert.equal(destroyed, [7e7, 7e7]);
  const { freeBuffers, ...counts } = backend.bufferManager;
  assert.equal(counts, { numFreeBuffers: 0, numBytesAllocated: 1e7, numBytesUsed: 1e7 });
  assert.equal([...freeBuffers], [['a', []]]);
});

test.run();
