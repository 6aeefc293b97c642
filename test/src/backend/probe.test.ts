import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cardLines, probe, probeWith } from '../../../src/backend/probe';

test('a backend that brings its process down is reported, not suffered', () => {
  assert.match(probeWith('process.abort()').failed!, /died \(signal SIGABRT\)/);
  const { failed, log } = probeWith("console.error('a\\nthe last words'); process.exit(3)");
  assert.is(failed, 'the process that loaded it died (exit code 3) the last words');
  assert.is(log, 'a\nthe last words');
});

test('what can not be used is reported place by place', () => {
  const candidates = [
    { label: 'first', folder: '/nowhere', missing: 'not installed' },
    { label: 'second', folder: '/nowhere' },
  ];
  const { found, failed, reasons } = probe('tensorflow', candidates);
  assert.is(found, undefined);
  assert.match(failed!, "can't be used (first: not installed; second: Cannot find module");
  assert.equal(Object.keys(reasons!), ['first', 'second']);
  assert.is(reasons!.first, 'not installed');
});

test('what works is reported with its device', () => {
  assert.equal(probe('wasm').found, { name: 'wasm', detail: 'SIMD, 1 thread', gpu: false });
});

// As TensorFlow 2.9 and 2.21 write them (dso_loader.cc, gpu_device.cc, cuda_executor.cc).
const log = `
2026-11-25 03:05:59.123456: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory
2026-11-25 03:05:59.123457: I tensorflow/stream_executor/cuda/cudart_stub.cc:29] Ignore above cudart dlerror if you do not have a GPU set up on your machine.
2026-11-25 03:05:59.200000: W tensorflow/stream_executor/platform/default/dso_loader.cc:64] Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795575959.336279    8961 port.cc:153] oneDNN custom operations are on. You may see slightly different numerical results.
E0000 00:00:1795575959.336279    8961 cuda_executor.cc:1228] INTERNAL: CUDA Runtime error: Failed call to cudaGetRuntimeVersion: Error loading CUDA libraries. GPU will not be used.
W0000 00:00:1795575959.436279    8961 gpu_device.cc:2342] Cannot dlopen some GPU libraries.
Skipping registering GPU devices...`;

test('of a log, what it says about cards is kept', () => {
  assert.equal(cardLines(log), [
    "Could not load dynamic library 'libcudart.so.11.0'; dlerror: libcudart.so.11.0: cannot open shared object file: No such file or directory",
    'INTERNAL: CUDA Runtime error: Failed call to cudaGetRuntimeVersion: Error loading CUDA libraries. GPU will not be used.',
    'Cannot dlopen some GPU libraries.',
  ]);
  assert.equal(cardLines(''), []);
});

test.run();
