import type { LanguageModel } from '../language/languageModel';
import type { PromptStyle } from '../text/tokenizer';
import { checkCount, checkKeys, checkList } from '../util/check';
import { InputError } from '../util/errors';
import { hashOf } from '../util/hash';
import { toolVersion } from '../util/version';
import { finalActivations } from './activations';
import { type Direction, directionOf } from './direction';
import type { VectorFile } from './vectorFile';

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
  /** How texts become prompts; default: the model's own way. */
  style?: PromptStyle;
  /** Prompts computed together; default 8. */
  batchSize?: number;
  /** Called as prompts are done. */
  onBatch?(prompts: number): void;
  /** Called with the activations of the positive and the negative texts, [N] of [L, D] flattened. */
  onActivations?(positive: Float32Array[], negative: Float32Array[]): void;
}

/**
 * The direction that pairs of prompts show at each layer: the mean difference of the residual stream
 * after each block, at the last prompt token (paper, section 3).
 * @returns one vector, with its layers and where it comes from: for `steer` and `saveVectors`
 * @throws InputError for no pairs, pairs that are no pairs, prompts beyond the context, or texts that
 *   the model reads alike
 */
export async function directionFromPairs(
  lm: LanguageModel,
  pairs: Pair[],
  options: FromPairsOptions = {},
): Promise<VectorFile<Direction>> {
  checkPairs(pairs);
  checkKeys('directionFromPairs: options', options, OPTIONS);
  const { name = 'vector', style = lm.style, batchSize = 8, onBatch } = options;
  const { nLayers } = lm.model.config;
  const layers = options.layers ?? Array.from({ length: nLayers }, (_, layer) => layer);
  for (const layer of layers) {
    checkCount('directionFromPairs: layers: a layer', layer, 0, nLayers - 1);
  }
  const texts = [...new Set(pairs.flatMap(({ positive, negative }) => [positive, negative]))];
  const prompts = texts.map((text) => lm.encode(text, { style }));
  const settings = { layers, finalTokens: 1, batchSize, padId: lm.padId, onBatch };
  const rows = await finalActivations(lm.model, prompts, settings);
  const of = new Map(texts.map((text, i) => [text, rows[i]]));
  const positive = pairs.map((pair) => of.get(pair.positive)!);
  const negative = pairs.map((pair) => of.get(pair.negative)!);
  options.onActivations?.(positive, negative);
  const direction = directionOf(positive, negative, layers);
  const provenance = {
    model: lm.name,
    model_fingerprint: lm.fingerprint,
    prompt_style: style,
    dtype: lm.dtype,
    pairs: String(pairs.length),
    prompts: hashOf(pairs),
    backend: lm.backend.name,
    tool: toolVersion,
  };
  return { directions: new Map([[name, direction]]), layers, provenance };
}

const OPTIONS = ['name', 'layers', 'style', 'batchSize', 'onBatch', 'onActivations'];

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
