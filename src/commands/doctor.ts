/** What this machine offers Tiller, and what to do next: `npx ts-node src/cli.ts doctor`. */
import { spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';
import { type BackendInfo, type BackendName, tensorflowCandidates } from '../backend';
import type { Command } from './command';

export const doctorCommand: Command = {
  name: 'doctor',
  description: 'Show what this machine offers, and what to do next',
  run() {
    console.log(doctor());
    return 0;
  },
};

const root = path.join(__dirname, '../..');

/**
 * Loads a backend in a process of its own, where a native library that crashes harms nobody, and
 * multiplies two matrices on it. Returns what was found, or why it can't be used (one line).
 */
export function probe(backend: BackendName): BackendInfo | string {
  const found = probeWith(`
    const { useBackend } = require('./src/backend');
    const tf = require('@tensorflow/tfjs-core');
    useBackend('${backend}').then(async (info) => {
      const product = await tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).data();
      if (product.join() !== '3,3,3,3') throw new Error('a matrix product came out wrong');
      console.log('found ' + JSON.stringify(info));
    }).catch((error) => { console.log('failed ' + error.message.split('\\n')[0]); });`);
  return found.startsWith('{') ? JSON.parse(found) : found;
}

/** Runs a program that prints `found ...` or `failed ...`; what it printed, or how it died. */
export function probeWith(program: string): string {
  const tsNode = require.resolve('ts-node/register');
  const result = spawnSync(process.execPath, ['-r', tsNode, '-e', program], {
    cwd: root,
    encoding: 'utf8',
    timeout: 120_000,
  });
  const answer = result.stdout?.match(/^(?:found|failed) (.*)$/m);
  if (answer) return answer[1];
  const ending = result.signal ? `signal ${result.signal}` : `exit code ${result.status}`;
  const last = result.stderr?.trim().split('\n').pop()?.slice(0, 160) ?? '';
  return `the process that loaded it died (${ending}) ${last}`.trim();
}

/** The graphics cards that the NVIDIA driver reports, one line each; empty without a driver. */
function graphicsCards(): string[] {
  const query = '--query-gpu=name,memory.total,driver_version';
  const result = spawnSync('nvidia-smi', [query, '--format=csv,noheader'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim().split('\n').filter(Boolean) : [];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}

/** One sentence of advice for what was found. */
function advice(
  tensorflow: BackendInfo | string,
  wasm: BackendInfo | string,
  gpu: boolean,
): string {
  if (typeof tensorflow === 'string') {
    const command = `npm run setup:tensorflow${gpu ? ' -- --cuda' : ''}`;
    const gain = gpu ? 'the GPU' : 'several times the speed';
    return typeof wasm === 'string'
      ? 'No backend works: run "npm ci", then this command again.'
      : `Everything runs on wasm. For ${gain}, run: ${command}`;
  }
  if (gpu && !tensorflow.gpu) {
    return 'There is a GPU that tensorflow does not use. Run: npm run setup:tensorflow -- --cuda';
  }
  return 'Nothing to do: tensorflow is used, unless TILLER_BACKEND or a config says otherwise.';
}

/** The report, as lines of text. */
export function doctor(): string {
  const cards = graphicsCards();
  const tensorflow = probe('tensorflow');
  const wasm = probe('wasm');
  const say = (found: BackendInfo | string) =>
    typeof found === 'string'
      ? `not usable: ${found.replace(/^The .* can't be loaded \((.*)\)\.$/, '$1')}`
      : `usable: ${found.detail}`;
  const wanted = process.env.TILLER_BACKEND;
  const auto = typeof tensorflow === 'string' ? 'wasm' : 'tensorflow';
  const lines = [
    `Node         ${process.version} (${process.platform} ${process.arch})`,
    `CPU          ${os.availableParallelism()} cores, ${os.cpus()[0]?.model ?? 'unknown'}`,
    `Memory       ${gigabytes(os.freemem())} free of ${gigabytes(os.totalmem())}`,
    `GPU          ${cards.length ? cards.join('; ') : 'none found (nvidia-smi)'}`,
    `tensorflow   ${say(tensorflow)}`,
    ...tensorflowCandidates().map(({ label, missing }) => `  ${label}: ${missing ?? 'in place'}`),
    `wasm         ${say(wasm)}`,
    `In use       ${wanted ? `${wanted} (TILLER_BACKEND)` : `${auto} (auto)`}`,
    '',
    advice(tensorflow, wasm, cards.length > 0),
  ];
  return lines.join('\n');
}
