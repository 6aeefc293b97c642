/**
 * u = w / |w| of the logistic regression that tells positive from negative texts: minimal
 * ½|w|² + Σ log(1 + exp(∓(w·x + b))), scikit-learn's `LogisticRegression` with C = 1. x are the
 * activations less their mean, all divided by one number, so that a feature varies by 1 on average:
 * directions stay, and C means the same at every layer. (Probes: Alain & Bengio 2016; steering by
 * their weights: Li et al. 2023, "Inference-Time Intervention".)
 *
 * `1x` is the projection of the mean difference on u, so that it moves the mean of the negative texts
 * as far along u as the mean of the positive ones lies.
 *
 * Solved for the shares a of the texts in w = Σ aᵢ xᵢ by Newton's method, as in Rasmussen & Williams
 * 2006, algorithm 3.1, with an intercept: N texts make it N × N, however wide the model is.
 */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { dot } from '../../engine/edits/vector';
import { InputError } from '../../util/errors';
import type { Finder } from './finder';
import { centred } from './principal';

export const logisticProbe: Finder = ({ positive, negative, meanPositive, meanNegative }) => {
  const rows = scaled(centred([...positive, ...negative].map((row) => Float64Array.from(row))));
  const labels = rows.map((_, i) => (i < positive.length ? 1 : 0));
  const shares = fit(
    rows.map((row) => rows.map((other) => dot(row, other))),
    labels,
  );
  const w = new Float64Array(rows[0].length);
  for (const [n, row] of rows.entries())
    for (let i = 0; i < w.length; i++) w[i] += shares[n] * row[i];
  const length = Math.sqrt(dot(w, w));
  const unit = Float32Array.from(w, (x) => x / length);
  const norm = dot(meanPositive, unit) - dot(meanNegative, unit);
  if (!(norm > 0)) throw new InputError('nothing tells the texts apart');
  return { unit, norm };
};

/** Divided so that the mean square of all numbers is 1. */
function scaled(rows: Float64Array[]): Float64Array[] {
  const squares = rows.reduce((sum, row) => sum + dot(row, row), 0);
  const scale = Math.sqrt(squares / (rows.length * rows[0].length));
  if (!(scale > 0))
    throw new InputError(
      'the instruction changes nothing: the prompts with and without it are the same',
    );
  return rows.map((row) => row.map((x) => x / scale));
}

const MOST_STEPS = 100;
/** Of how far a share may be from what its text's error says, which is at most 1. */
const TOLERANCE = 1e-9;

/** Where Newton's method stands. */
interface State {
  /** a */
  shares: number[];
  /** w·x + b of each text. */
  scores: number[];
}

/**
 * @param kernel x·x of each two texts
 * @param labels 1 for positive texts, 0 for negative ones
 * @returns a; in the end, aᵢ is how far text i is from being told with certainty
 */
function fit(kernel: number[][], labels: number[]): number[] {
  let state: State = { shares: labels.map(() => 0), scores: labels.map(() => 0) };
  for (let step = 0; step < MOST_STEPS; step++) {
    const errors = state.scores.map((score, i) => labels[i] - sigmoid(score));
    const off = errors.map((error, i) => Math.abs(error - state.shares[i]));
    if (Math.max(...off) < TOLERANCE) return state.shares;
    state = towards(state, newton(kernel, state.scores, errors), labels);
  }
  throw new InputError(`its logistic regression did not settle in ${MOST_STEPS} steps`);
}

/** The minimum of the quadratic function that the loss is nearest to at these scores. */
function newton(kernel: number[][], scores: number[], errors: number[]): State {
  const root = scores.map((score) => Math.max(1e-12, Math.sqrt(sigmoid(score) * sigmoid(-score))));
  const system = new CholeskyDecomposition(
    new Matrix(
      kernel.map((row, i) => row.map((k, j) => Number(i === j) + k * (root[i] * root[j]))),
    ),
  );
  const solve = (x: number[]) => system.solve(Matrix.columnVector(x)).to1DArray();
  const free = solve(scores.map((score, i) => root[i] * score + errors[i] / root[i]));
  const ofIntercept = solve(root);
  const intercept = dot(root, free) / dot(root, ofIntercept);
  const shares = free.map((x, i) => root[i] * (x - intercept * ofIntercept[i]));
  return { shares, scores: kernel.map((row) => dot(row, shares) + intercept) };
}

/** The full step, or where that goes too far, a part of it. */
function towards(from: State, to: State, labels: number[]): State {
  const lossOf = ({ shares, scores }: State) =>
    // ½ aᵀKa is ½ a·scores: the shares add up to 0.
    dot(shares, scores) / 2 +
    scores.reduce((sum, score, i) => sum + log1pExp(labels[i] ? -score : score), 0);
  const most = lossOf(from);
  let part = 1;
  for (; ; part /= 2) {
    const between = (key: keyof State) => from[key].map((x, i) => x + part * (to[key][i] - x));
    const state = { shares: between('shares'), scores: between('scores') };
    if (part < 1e-6 || lossOf(state) <= most + 1e-9 * Math.abs(most)) return state;
  }
}

const log1pExp = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
