import type { LanguageModel } from '../language/languageModel';
import type { PromptStyle } from '../text/tokenizer';
import { checkCount, checkKeys, checkList, checkOneOf } from '../util/check';
import { InputError } from '../util/errors';
import { hashOf } from '../util/hash';
import { toolVersion } from '../util/version';
import { finalActivations } from './activations';
import { type Direction, directionOf, MEAN_DIFFERENCE, meanRows } from './direction';
import type { VectorFile } from './files/types';
import { FINDERS, METHODS, type Method } from './finders';
import { heldOutAccuracy } from './quality';

/** Two texts that differ in what the vector is to be of. */
export interface Pair {
  /** With the instruction, or showing the behaviour. */
  positive: string;
  negative: string;
}

export interface FromPairsOptions {
  /** What to call the vector; default `vector`. */
  name?: string;
  /** The blocks whose output is read; default: all. */
  layers?: number[];
  /** How the vector is found (docs/steering.md); default `mean_difference`, the paper's. */
  method?: Method;
  /** What is read of a text: its `last` token (default), or the `mean` of all but the first. */
  positions?: 'last' | 'mean';
  /** For `mean_centered`: texts of all kinds, whose mean activation is taken away. */
  background?: string[];
  /** How texts become prompts; default: the model's own way. */
  style?: PromptStyle;
  /** Prompts computed together; default 8. */
  batchSize?: number;
  /** Called as prompts are done. */
  onBatch?(prompts: number): void;
  /** Called with the activations of the positive and the negative texts, [N] of [L, D] flattened. */
  onActivations?(positive: Float32Array[], negative: Float32Array[]): void;
}

/** A vector of pairs. */
export interface VectorOfPairs extends VectorFile<Direction> {
  /**
   * For each layer, the share of texts that the vector tells rightly when found without them: see
   * `heldOutAccuracy`. null where that can't be found, as of a single pair.
   */
  accuracy: (number | null)[];
}

/**
 * The direction that pairs of prompts show at each layer, in the residual stream after each block: by
 * default the mean difference at the last prompt token (paper, section 3).
 * @returns one vector, with its layers and where it comes from: for `steer` and `saveVectors`
 * @throws InputError for no pairs, pairs that are no pairs, prompts beyond the context, texts that the
 *   model reads alike, or pairs that determine no direction by the method
 */
export async function directionFromPairs(
  lm: LanguageModel,
  pairs: Pair[],
  options: FromPairsOptions = {},
): Promise<VectorOfPairs> {
  checkPairs(pairs);
  checkOptions(options, lm.model.config.nLayers);
  const { name = 'vector', style = lm.style, batchSize = 8, onBatch, background } = options;
  const { method = MEAN_DIFFERENCE, positions = 'last' } = options;
  const layers = options.layers ?? Array.from({ length: lm.model.config.nLayers }, (_, l) => l);
  const sides = pairs.flatMap(({ positive, negative }) => [positive, negative]);
  const texts = [...new Set([...sides, ...(background ?? [])])];
  const prompts = texts.map((text) => lm.encode(text, { style }));
  const rows = await finalActivations(lm.model, prompts, {
    ...{ layers, finalTokens: 1, read: positions, batchSize, padId: lm.padId, onBatch },
  });
  const of = new Map(texts.map((text, i) => [text, rows[i]]));
  const rowsOf = (some: string[]) => some.map((text) => of.get(text)!);
  const positive = rowsOf(pairs.map((pair) => pair.positive));
  const negative = rowsOf(pairs.map((pair) => pair.negative));
  options.onActivations?.(positive, negative);
  const centre = background && meanRows(rowsOf(background), layers.length);
  const samples = [positive, negative, layers, FINDERS[method], centre] as const;
  const direction = directionOf(...samples);
  const provenance = {
    ...{
      model: lm.name,
      model_fingerprint: lm.fingerprint,
      model_type: lm.model.modelType,
      prompt_style: style,
      dtype: lm.dtype,
    },
    ...{ method, positions, pairs: String(pairs.length), prompts: hashOf(pairs) },
    ...(background && { background: hashOf(background) }),
    ...{ backend: lm.backend.name, tool: toolVersion },
  };
  const accuracy = heldOutAccuracy(...samples);
  return { directions: new Map([[name, direction]]), layers, provenance, accuracy };
}

const OPTIONS = [
  ...['name', 'layers', 'method', 'positions', 'background', 'style', 'batchSize'],
  ...['onBatch', 'onActivations'],
];

function checkOptions(options: FromPairsOptions, nLayers: number): void {
  const what = (key: string) => `directionFromPairs: ${key}`;
  checkKeys(what('options'), options, OPTIONS);
  const { layers = [], method = MEAN_DIFFERENCE, positions, background } = options;
  for (const layer of layers) checkCount(what('layers: a layer'), layer, 0, nLayers - 1);
  checkOneOf(what('method'), method, METHODS);
  if (positions !== undefined) checkOneOf(what('positions'), positions, ['last', 'mean']);
  if (background === undefined) return;
  checkList(what('background'), background, 'a list of texts');
  if (method !== 'mean_centered') {
    throw new InputError(
      `directionFromPairs: a background is for the method mean_centered, not ${method}.`,
    );
  }
  const texts = (background as unknown[]).every((text) => typeof text === 'string' && text);
  if (!background.length || !texts)
    throw new InputError('directionFromPairs: background has no texts, or one that is none.');
}

function checkPairs(pairs: unknown): asserts pairs is Pair[] {
  checkList('directionFromPairs: pairs', pairs, 'a list of { positive, negative }');
  if (!pairs.length) throw new InputError('directionFromPairs: there are no pairs.');
  for (const [i, pair] of pairs.entries()) {
    const what = `directionFromPairs: pair ${i}`;
    checkKeys(what, pair, ['positive', 'negative']);
    for (const side of ['positive', 'negative'] as const) {
      const text = (pair as Pair)[side];
      if (typeof text !== 'string' || !text) {
        throw new InputError(`${what} has no text "${side}".`);
      }
    }
  }
}
