/** Whether steps are recorded, and why some are not. */
import { didYouMean, InputError } from '../util/errors';

const MODES = ['on', 'off', 'explain'] as const;

/**
 * TILLER_GRAPHS: `on` (the default), `off`, or `explain`, which says why a pass goes op by op.
 * @throws InputError for any other value
 */
export function graphMode(): (typeof MODES)[number] {
  const given = process.env.TILLER_GRAPHS || 'on';
  const mode = MODES.find((one) => one === given);
  if (!mode) {
    const hint = didYouMean(given, MODES);
    throw new InputError(`TILLER_GRAPHS is "${given}", not one of ${MODES.join(', ')}.${hint}`);
  }
  return mode;
}

const explained = new WeakMap<object, Set<string>>();

/** With TILLER_GRAPHS=explain, says once for each model why passes of it go op by op. */
export function explain(model: object, reason: string): void {
  if (graphMode() !== 'explain') return;
  const known = explained.get(model) ?? new Set();
  explained.set(model, known);
  if (known.has(reason)) return;
  known.add(reason);
  console.warn(`TILLER_GRAPHS=explain: ${reason}`);
}
