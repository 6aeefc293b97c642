/** The report about this machine, and about one with a card that is not used. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tensorflowCandidates } from '../../../src/backend';
import { doctor } from '../../../src/commands/doctor';
import { hasTensorflow } from '../../where';

const { PATH, TILLER_BACKEND } = process.env;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-doctor-'));
test.after(() => fs.rmSync(folder, { recursive: true }));
test.after.each(() => {
  process.env.PATH = PATH;
  if (TILLER_BACKEND !== undefined) process.env.TILLER_BACKEND = TILLER_BACKEND;
});

test('doctor names what was found and what to do, each thing once', () => {
  delete process.env.TILLER_BACKEND;
  process.env.PATH = folder;
  const report = doctor();
  assert.match(report, process.version);
  assert.match(report, /^Memory .* GB free of .* GB$/m);
  assert.match(report, /^GPU +none found/m);
  assert.match(report, /^wasm +usable: SIMD, 1 thread$/m);
  for (const { label } of tensorflowCandidates()) {
    assert.is(report.split(`${label}: `).length, 2, `${label} once in ${report}`);
  }
  if (hasTensorflow) {
    assert.match(report, /^tensorflow +usable: libtensorflow \d+\.\d+\.\d+, [CG]PU$/m);
    assert.is(report.match(/: works$/gm)?.length, 1);
    assert.match(report, /^In use +tensorflow \(auto\)$/m);
  } else {
    assert.match(report, /^tensorflow +not usable$/m);
    assert.match(report, /^In use +wasm \(auto\)$/m);
    assert.match(report, 'npm run setup:tensorflow');
  }
});

test('a card that is not used is shown, with the reason', () => {
  const card = 'echo "NVIDIA H100, GPU-1, 81920, 80000, 550.54"';
  fs.writeFileSync(path.join(folder, 'nvidia-smi'), `#!/bin/sh\n${card}\n`, { mode: 0o755 });
  process.env.PATH = `${folder}:${PATH}`;
  const report = doctor();
  assert.match(report, /^GPU +NVIDIA H100, 80\.0 GB, driver 550\.54$/m);
  // Where there is a real card, it is used.
  if (/^tensorflow .*GPU$/m.test(report)) return;
  assert.match(report, hasTensorflow ? /libtensorflow says|made for the CPU/ : 'not usable');
  assert.match(report, /setup:tensorflow -- --cuda|see above/);
});

test.run();
