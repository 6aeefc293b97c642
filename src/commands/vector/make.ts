import { openModel } from '../../../models/open';
import { findModelFolder } from '../../hub/modelFolder';
import type { LanguageModel } from '../../language/languageModel';
import { checkOneOf, optional } from '../../util/check';
import { InputError } from '../../util/errors';
import { TILLER } from '../../util/invocation';
import { Progress } from '../../util/progress';
import { fixed, formatTable } from '../../util/table';
import { type Direction, dot } from '../../vectors/direction';
import { METHODS, type Method } from '../../vectors/finders';
import {
  directionFromPairs,
  type FromPairsOptions,
  type Pair,
  type VectorOfPairs,
} from '../../vectors/fromPairs';
import { linesOf, readPairs, readPairsOfLines } from '../../vectors/readPairs';
import { saveVectors } from '../../vectors/vectorFile';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  JSON_OPTION,
  type Options,
  required,
  text,
  weightDtype,
} from '../command';
import { refuseExisting } from '../generate/output';
import { promptStyle } from '../generate/settings';
import { readLayers } from './layers';

export const vectorMakeCommand: Command = {
  name: 'vector make [pairs]',
  description: 'Find the direction that pairs of texts differ in, at each layer',
  usage: 'vector make <pairs.jsonl or .csv> --model <model> --out <file.safetensors> [options]',
  options: [
    ['--model <model>', 'The model that reads the texts: an alias, a Hub id or a folder'],
    ['--out <file>', 'Where the vector goes'],
    ['--positive <file>', 'In place of pairs: a text a line, with the behaviour'],
    ['--negative <file>', 'The same texts without it, line by line'],
    ['--name <name>', 'What to call the vector (default: the name of the file)'],
    ['--layers <list>', 'Of these layers only, such as 0-5,7 (default: all)'],
    ['--method <method>', `How it is found: ${METHODS.join(', ')} (default: ${METHODS[0]})`],
    [
      '--read <where>',
      'The last token of each text, or the mean of all but the first (last, mean)',
    ],
    ['--background <file>', 'For mean_centered: a text a line, whose mean is taken away'],
    ['--style <style>', 'chat, raw or qa (default: chat with a chat template, else raw)'],
    ['--batch-size <n>', 'Texts computed together (default: 8)'],
    ['--force', 'Replace the file where there is one'],
    JSON_OPTION,
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller vector make docs/examples/lowercase/pairs.jsonl --model tiny-gemma2 --out lowercase.safetensors',
    'tiller vector make pairs.csv --model tiny-gemma2 --method logistic_probe --out probe.safetensors',
    'tiller vector make --positive loud.txt --negative calm.txt --model phi-3 --out loud.safetensors',
  ],
  run: runMake,
};

async function runMake([given]: string[], options: Options): Promise<number> {
  const model = required(options, 'model', 'the model that reads the texts');
  const file = required(options, 'out', 'the file that the vector goes to');
  findModelFolder(model);
  if (!file.endsWith('.safetensors')) {
    throw new InputError(`--out is ${file}: a vector file ends in .safetensors.`);
  }
  refuseExisting(file, Boolean(options.force));
  const pairs = pairsOf(given, options);
  const name =
    text(options, 'name') ??
    file
      .split(/[\\/]/)
      .at(-1)!
      .replace(/\.\w+$/, '');
  const style = promptStyle(options);
  const batchSize = count(options, 'batch-size', 8);
  const wanted = readLayers(options);
  const found = howFound(options);
  const [backend, dtype] = [text(options, 'backend'), weightDtype(options)];
  const lm = await openModel(model, { backend, dtype, style });
  try {
    const layers = wanted?.(lm.model.config.nLayers);
    const sides = pairs.flatMap(({ positive, negative }) => [positive, negative]);
    const texts = new Set([...sides, ...(found.background ?? [])]).size;
    const progress = new Progress('texts', texts);
    let activations: Activations | undefined;
    const vectors = await directionFromPairs(lm, pairs, {
      ...{ name, layers, batchSize, ...found },
      onBatch: (prompts) => progress.add(prompts),
      onActivations: (positive, negative) => {
        activations = { positive, negative };
      },
    });
    progress.end();
    saveVectors(file, vectors);
    const direction = vectors.directions.get(name)!;
    const shown = measuresOf(direction, vectors, activations!);
    tell(lm, { file, name, pairs, shown, json: Boolean(options.json) });
    return 0;
  } finally {
    lm.dispose();
  }
}

/** How the vector is found, checked before the model is opened. */
function howFound(options: Options): Pick<FromPairsOptions, 'method' | 'positions' | 'background'> {
  const [method, read] = [text(options, 'method'), text(options, 'read')];
  optional(method, (given) => checkOneOf('--method', given, METHODS));
  optional(read, (given) => checkOneOf('--read', given, ['last', 'mean']));
  const background = text(options, 'background');
  if (background !== undefined && method !== 'mean_centered') {
    throw new InputError('--background is for --method mean_centered.');
  }
  return {
    ...{ method: method as Method, positions: read as 'last' | 'mean' },
    background: background === undefined ? undefined : linesOf(background),
  };
}

function pairsOf(given: string | undefined, options: Options): Pair[] {
  const [positive, negative] = [text(options, 'positive'), text(options, 'negative')];
  if (given !== undefined && (positive ?? negative) !== undefined) {
    throw new InputError(`Pairs come from ${given}, or from --positive and --negative, not both.`);
  }
  if (given !== undefined) return readPairs(given);
  if (positive !== undefined && negative !== undefined) return readPairsOfLines(positive, negative);
  throw new InputError(
    (positive ?? negative)
      ? 'Two files make pairs: give both --positive and --negative.'
      : 'Give a file of pairs, or --positive and --negative.',
  );
}

/** [N] of [L, D] flattened. */
interface Activations {
  positive: Float32Array[];
  negative: Float32Array[];
}

/** What is said of a layer. */
interface Measures {
  layer: number;
  /** Of the vector: what a weight of 1x adds. */
  norm: number;
  /** The norm as a share of the mean length of the activations. */
  share: number;
  /** How far the projections of the two sides lie apart, in standard deviations within a side. */
  separation: number;
  /** The share of left-out texts that are told rightly; null where that can't be found. */
  heldOut: number | null;
}

function measuresOf(
  { unit, norm }: Direction,
  { layers, accuracy }: VectorOfPairs,
  { positive, negative }: Activations,
): Measures[] {
  return layers.map((layer, at) => {
    const width = unit[at].length;
    const rows = [positive, negative].map((side) =>
      side.map((row) => row.subarray(at * width, (at + 1) * width)),
    );
    const [a, b] = rows.map((side) => momentsOf(side.map((h) => dot(h, unit[at]))));
    const lengths = rows.flat().map((h) => Math.sqrt(dot(h, h)));
    const within = Math.sqrt((a.variance + b.variance) / 2);
    return {
      layer,
      norm: norm[at],
      share: (norm[at] * lengths.length) / lengths.reduce((x, y) => x + y, 0),
      separation: (a.mean - b.mean) / within,
      heldOut: accuracy[at],
    };
  });
}

function momentsOf(values: number[]): { mean: number; variance: number } {
  const mean = values.reduce((x, y) => x + y, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, variance: squares / Math.max(1, values.length - 1) };
}

interface Told {
  file: string;
  name: string;
  pairs: Pair[];
  shown: Measures[];
  json: boolean;
}

function tell(lm: LanguageModel, { file, name, pairs, shown, json }: Told): void {
  if (json) {
    const layers = shown.map((row) => ({
      ...row,
      separation: Number.isFinite(row.separation) ? row.separation : null,
    }));
    console.log(JSON.stringify({ file, name, model: lm.name, pairs: pairs.length, layers }));
    return;
  }
  const rows = shown.map(({ layer, norm, share, separation, heldOut }) => [
    layer,
    fixed(norm),
    `${fixed(100 * share, 1)} %`,
    Number.isFinite(separation) ? fixed(separation) : null,
    heldOut === null ? null : `${fixed(100 * heldOut, 1)} %`,
  ]);
  console.log(
    `${formatTable(['layer', 'norm', 'of |h|', 'separation', 'held out'], rows)}\n\n` +
      `Vector "${name}" of ${pairs.length} pairs: ${file}\n` +
      'Separation: between the means of h·u of the two sides, in standard deviations of one. Held out:\n' +
      'how many texts are told rightly by vectors of the other pairs; 50 % is chance.\n' +
      `Next, find where it works best: ${TILLER} vector search ${file} --model ${lm.name} ` +
      '--eval eval.jsonl --check <ifeval-id>',
  );
}
