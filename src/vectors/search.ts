/** Which layer and strength a vector works best with: what is tried, and how one is chosen. */
import type { Positions } from '../engine/steering';
import { isDegenerate } from '../language/degenerate';
import { median } from '../util/statistics';
import type { Setting } from './setting';
import { absoluteWeight, type Weight } from './weight';

/** A setting of kind add. */
export interface Candidate extends Setting {
  weight: Weight;
  positions: Positions;
}

/** Every layer with every weight at all the positions. */
export function candidatesOf(
  layers: number[],
  weights: Weight[],
  positions: readonly Positions[],
): Candidate[] {
  return positions.flatMap((where) =>
    layers.flatMap((layer) =>
      weights.map((weight): Candidate => ({ layer, kind: 'add', weight, positions: where })),
    ),
  );
}

/**
 * The layers that are tried unless some are named: all of up to 8; else every second from a fifth of
 * the depth on, as in the paper.
 */
export function usualLayers(layers: number[]): number[] {
  if (layers.length <= 8) return layers;
  return layers.filter((_, at) => at >= layers.length / 5 && at % 2 === 0);
}

/** An answer that is judged. */
export interface JudgedAnswer {
  text: string;
  obeyed: boolean;
  perplexity: number | null;
}

/** How the answers of one setting, or of no steering, did. */
export interface Score {
  /** Share of the answers that obeyed. */
  obeyed: number;
  /** Median perplexity; null where no answer has one. */
  perplexity: number | null;
  /** Share of the answers that are blank or repeat themselves. */
  degenerate: number;
}

export function scoreOf(answers: JudgedAnswer[], degenerateBelow: number): Score {
  const share = (test: (answer: JudgedAnswer) => boolean) =>
    answers.filter(test).length / answers.length;
  const known = answers.flatMap(({ perplexity }) => perplexity ?? []);
  return {
    obeyed: share(({ obeyed }) => obeyed),
    perplexity: known.length ? median(known) : null,
    degenerate: share(({ text, perplexity }) => isDegenerate(text, perplexity, degenerateBelow)),
  };
}

/** A setting that was tried. */
export interface Tried extends Score {
  candidate: Candidate;
  /** Its median perplexity as a multiple of the unsteered one; null where there is none. */
  ratio: number | null;
  /** Whether its answers are good enough: see `chooseSetting`. */
  passes: boolean;
}

/**
 * Chooses among the settings whose answers are good enough: a median perplexity below so many times
 * the unsteered one, and no more degenerate answers. Of these, the one that obeys most; of equals, the
 * smaller weight, then the lower perplexity.
 * @param normAt the norm of the vector at a layer
 * @returns all settings, in their order, and the chosen one; none where none passes, or none that does
 *   obeys more often than no steering
 */
export function chooseSetting(
  scores: { candidate: Candidate; score: Score }[],
  unsteered: Score,
  { maxRatio, normAt }: { maxRatio: number; normAt(layer: number): number },
): { tried: Tried[]; chosen: Tried | undefined } {
  const tried = scores.map(({ candidate, score }): Tried => {
    const known = score.perplexity !== null && unsteered.perplexity !== null;
    const ratio = known ? score.perplexity! / unsteered.perplexity! : null;
    const passes = ratio !== null && ratio < maxRatio && score.degenerate <= unsteered.degenerate;
    return { candidate, ...score, ratio, passes };
  });
  const size = ({ candidate: { layer, weight } }: Tried) =>
    Math.abs(absoluteWeight(weight, normAt(layer)));
  const [chosen] = tried
    .filter(({ passes, obeyed }) => passes && obeyed > unsteered.obeyed)
    .sort((a, b) => b.obeyed - a.obeyed || size(a) - size(b) || a.ratio! - b.ratio!);
  return { tried, chosen };
}
