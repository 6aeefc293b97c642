/** Compares a model with the values of a reference implementation: `npx ts-node src/cli.ts verify`. */
import type * as tf from '@tensorflow/tfjs-core';
import { generate } from '../engine/generate';
import { residPost } from '../engine/hooks';
import type { CausalLM } from '../engine/model';
import { runWithCache } from '../engine/runWithCache';
import { InputError } from '../util/errors';
import { formatTable } from '../util/table';
import { type ReferenceCase, readReference } from './reference';

/** The largest error that passes, in standard deviations of the reference. */
export const TOLERANCE = 1e-3;

export interface ErrorSize {
  /** The largest absolute difference; NaN where the model gave something that is not finite. */
  maxAbs: number;
  /** `maxAbs` over the standard deviation of the reference. */
  relative: number;
  passed: boolean;
}

export interface TokenMatch {
  /** How many tokens agree before the first that does not. */
  equal: number;
  /** N */
  of: number;
  passed: boolean;
  /** Why there are no tokens to compare, where decoding itself failed. */
  failure?: string;
}

export interface CaseResult {
  name: string;
  /** T */
  promptTokens: number;
  edits: number;
  /** 1. One forward pass, no cache. */
  logits: ErrorSize;
  residPost: ErrorSize;
  /** 2. All cases in one left-padded batch, through the cache. */
  batched: TokenMatch;
  /** 3. The case alone, through the cache. */
  single: TokenMatch;
  passed: boolean;
}

export interface VerifyResult {
  reference: string;
  tolerance: number;
  cases: CaseResult[];
  /** Wall time of reading and checking, without loading the model. */
  seconds: number;
  passed: boolean;
}

/**
 * Checks a model against a reference file: every case's logits and block outputs in one pass, and
 * its greedy continuation batched with all others and alone.
 * @throws InputError when the file is unusable: not there, malformed, or of another model
 */
export async function verify(model: CausalLM, referencePath: string): Promise<VerifyResult> {
  const start = performance.now();
  const cases = readReference(referencePath, model.config);
  const batched = await continuations(model, cases);
  const results: CaseResult[] = [];
  for (const [i, wanted] of cases.entries()) {
    const { logits, residPost } = await compareForward(model, wanted);
    const single = (await continuations(model, [wanted]))[0];
    results.push({
      name: wanted.name,
      promptTokens: wanted.inputIds.length,
      edits: wanted.steer.length,
      logits,
      residPost,
      batched: batched[i],
      single,
      passed: [logits, residPost, batched[i], single].every((check) => check.passed),
    });
  }
  return {
    reference: referencePath,
    tolerance: TOLERANCE,
    cases: results,
    seconds: (performance.now() - start) / 1000,
    passed: results.every((result) => result.passed),
  };
}

/** One pass over one case. */
async function compareForward(model: CausalLM, wanted: ReferenceCase) {
  const names = Array.from({ length: model.config.nLayers }, (_, layer) => residPost(layer));
  const { logits, cache } = runWithCache(model, [wanted.inputIds], {
    names,
    edits: [wanted.steer],
  });
  const read = async (tensor: tf.Tensor) => {
    const values = (await tensor.data()) as Float32Array;
    tensor.dispose();
    return values;
  };
  const logitsError = errorSize(await read(logits), wanted.logits);
  const resid = new Float32Array(wanted.residPost.length);
  const perLayer = resid.length / names.length;
  for (const [layer, name] of names.entries()) {
    resid.set(await read(cache.at(name)), layer * perLayer);
  }
  return { logits: logitsError, residPost: errorSize(resid, wanted.residPost) };
}

/** Compares values with a reference of the same shape. */
function errorSize(found: Float32Array, wanted: Float32Array): ErrorSize {
  let maxAbs = 0;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < wanted.length; i++) {
    // Math.max keeps a NaN once it has one.
    maxAbs = Math.max(maxAbs, Math.abs(found[i] - wanted[i]));
    sum += wanted[i];
  }
  const mean = sum / wanted.length;
  for (const x of wanted) squares += (x - mean) ** 2;
  const deviation = Math.sqrt(squares / wanted.length);
  const relative = maxAbs === 0 ? 0 : maxAbs / deviation;
  return { maxAbs, relative, passed: relative <= TOLERANCE };
}

/** Decodes the given cases together and compares each with its continuation. */
async function continuations(model: CausalLM, cases: ReferenceCase[]): Promise<TokenMatch[]> {
  const longest = Math.max(...cases.map(({ generated }) => generated.length));
  try {
    const generations = await generate(
      model,
      cases.map(({ inputIds }) => inputIds),
      {
        maxNewTokens: longest,
        edits: cases.map(({ steer }) => steer),
        batchSize: cases.length,
      },
    );
    return generations.map(({ tokens }, i) => matchTokens(tokens, cases[i].generated));
  } catch (error) {
    // A model that decodes into infinities has failed the check; the file is not to blame.
    if (error instanceof InputError) throw error;
    const failure = (error as Error).message;
    return cases.map(({ generated }) => ({
      equal: 0,
      of: generated.length,
      passed: false,
      failure,
    }));
  }
}

function matchTokens(found: number[], wanted: number[]): TokenMatch {
  const first = wanted.findIndex((token, i) => token !== found[i]);
  const equal = first < 0 ? wanted.length : first;
  return { equal, of: wanted.length, passed: equal === wanted.length };
}

/** The table and its last line, for people. `about` says what ran where. */
export function formatVerify(result: VerifyResult, about: string): string {
  const error = ({ maxAbs, relative, passed }: ErrorSize) =>
    `${maxAbs.toExponential(1)} (${relative.toExponential(1)} σ)${passed ? '' : ' ✗'}`;
  const tokens = ({ equal, of, passed }: TokenMatch) => `${equal}/${of}${passed ? '' : ' ✗'}`;
  const table = formatTable(
    ['case', 'prompt', 'edits', 'logits error', 'resid error', 'batched tokens', 'single tokens'],
    result.cases.map((c) => [
      c.name,
      c.promptTokens,
      c.edits,
      error(c.logits),
      error(c.residPost),
      tokens(c.batched),
      tokens(c.single),
    ]),
  );
  const failed = result.cases.filter((c) => !c.passed).map((c) => c.name);
  const failures = new Set(result.cases.flatMap((c) => [c.batched.failure, c.single.failure]));
  failures.delete(undefined);
  return [
    table,
    '',
    ...failures,
    failed.length
      ? `FAILED: ${failed.join(', ')} (✗; an error passes up to ${result.tolerance} σ, σ: standard deviation of the reference)`
      : `passed: every error is within ${result.tolerance} σ (standard deviations of the reference), every token equal`,
    about,
  ].join('\n');
}

/** The same as one JSON object; a number that is not finite becomes null. */
export function verifyToJson(result: VerifyResult) {
  const error = ({ maxAbs, relative, passed }: ErrorSize) => ({
    max_abs_error: maxAbs,
    relative_error: relative,
    passed,
  });
  return {
    passed: result.passed,
    reference: result.reference,
    tolerance: result.tolerance,
    cases: result.cases.map((c) => ({
      name: c.name,
      passed: c.passed,
      prompt_tokens: c.promptTokens,
      edits: c.edits,
      logits: error(c.logits),
      resid_post: error(c.residPost),
      batched: c.batched,
      single: c.single,
    })),
    seconds: result.seconds,
  };
}
