/** What this machine offers Tiller, and what to do next: `tiller doctor`. */
import * as os from 'node:os';
import { tensorflowCandidates } from '../backend';
import { type GraphicsCard, graphicsCards } from '../backend/card';
import { cardLines, type Probe, probe } from '../backend/probe';
import { INSTALL, SETUP, setupWith } from '../util/invocation';
import type { Command } from './command';

export const doctorCommand: Command = {
  name: 'doctor',
  description: 'Show what this machine offers, and what to do next',
  run() {
    console.log(doctor());
    return 0;
  },
};

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GB`;
}

/** One sentence of advice for what was found. */
function advice(tensorflow: Probe, wasm: Probe, gpu: boolean): string {
  if (!tensorflow.found) {
    const command = gpu ? setupWith('--cuda') : SETUP;
    const gain = gpu ? 'the GPU' : 'several times the speed';
    return wasm.found
      ? `Everything runs on wasm. For ${gain}, run: ${command}`
      : `No backend works: run "${INSTALL}", then this command again.`;
  }
  if (gpu && !tensorflow.found.gpu) {
    const { cuda } = tensorflowCandidates().find(({ label }) => label === tensorflow.found?.place)!;
    return `There is a GPU that tensorflow does not use${cuda ? ': see above why.' : `. Run: ${setupWith('--cuda')}`}`;
  }
  if (!tensorflow.found.functions) {
    const command = gpu ? setupWith('--cuda') : SETUP;
    return `tensorflow is used, op by op. For decoding steps in one call, run: ${command}`;
  }
  return 'Nothing to do: tensorflow is used, unless TILLER_BACKEND or a config says otherwise.';
}

/** Whether a backend can be used; why not, where the places below it do not say. */
function verdict({ found, failed, reasons }: Probe): string {
  if (found) return `usable: ${found.detail}`;
  if (reasons && !reasons.wasm) return 'not usable';
  return `not usable: ${reasons?.wasm ?? failed}`;
}

/** The places where tfjs-node may be, one line each. */
function places({ found, reasons }: Probe): string[] {
  return tensorflowCandidates().map(({ label, missing }) => {
    const state = label === found?.place ? 'works' : 'in place';
    return `  ${label}: ${missing ?? reasons?.[label] ?? state}`;
  });
}

/** Why a card that is there is not used, in the words of libtensorflow. */
function whyNoGpu({ found, log }: Probe, cards: GraphicsCard[]): string[] {
  if (!cards.length || found?.gpu) return [];
  const lines = cardLines(log);
  if (lines.length) return ['  libtensorflow says:', ...lines.map((line) => `    ${line}`)];
  return found ? ['  this libtensorflow says nothing of cards: it was made for the CPU'] : [];
}

function describe({ name, memory, driver }: GraphicsCard): string {
  return `${name}, ${gigabytes(memory)}, driver ${driver}`;
}

/** The report, as lines of text. */
export function doctor(): string {
  const cards = graphicsCards();
  const tensorflow = probe('tensorflow');
  const wasm = probe('wasm');
  const wanted = process.env.TILLER_BACKEND;
  const auto = tensorflow.found ? 'tensorflow' : 'wasm';
  const lines = [
    `Node         ${process.version} (${process.platform} ${process.arch})`,
    `CPU          ${os.availableParallelism()} cores, ${os.cpus()[0]?.model ?? 'unknown'}`,
    `Memory       ${gigabytes(os.freemem())} free of ${gigabytes(os.totalmem())}`,
    `GPU          ${cards.map(describe).join('; ') || 'none found (nvidia-smi)'}`,
    `tensorflow   ${verdict(tensorflow)}`,
    ...places(tensorflow),
    ...whyNoGpu(tensorflow, cards),
    `wasm         ${verdict(wasm)}`,
    `In use       ${wanted ? `${wanted} (TILLER_BACKEND)` : `${auto} (auto)`}`,
    '',
    advice(tensorflow, wasm, cards.length > 0),
  ];
  return lines.join('\n');
}
