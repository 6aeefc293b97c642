import type { Hooks } from './hooks';
import type { CausalLM } from './model';
import { prefill, type Started } from './prefill';
import type { Row } from './row';
import { SCORED_ROWS, type Scored, scoredPrefill } from './scoredPrefill';

/** Rows that have been through their prompts together. */
export interface StartedRows extends Started, Partial<Pick<Scored, 'read' | 'discard'>> {
  rows: Row[];
}

/** Runs the prompts of rows; those whose tokens are to be scored apart from the others. */
export function startRows(
  model: CausalLM,
  rows: Row[],
  { hooks, padId }: { hooks?: Hooks; padId?: number },
): StartedRows[] {
  const plain = rows.filter(({ request }) => request.promptLogprobs === undefined);
  const scored = rows.filter(({ request }) => request.promptLogprobs !== undefined);
  const started: StartedRows[] = [];
  try {
    if (plain.length) {
      const edits = plain.map((row) => row.edits);
      started.push({ rows: plain, ...prefill(model, promptsOf(plain), { edits, hooks, padId }) });
    }
    for (let i = 0; i < scored.length; i += SCORED_ROWS) {
      const some = scored.slice(i, i + SCORED_ROWS);
      const edits = some.map((row) => row.edits);
      const top = Math.max(...some.map(({ request }) => request.promptLogprobs!));
      const options = { edits, padId, top };
      started.push({ rows: some, ...scoredPrefill(model, promptsOf(some), options) });
    }
    return started;
  } catch (error) {
    discardRows(started);
    throw error;
  }
}

const promptsOf = (rows: Row[]) => rows.map(({ request }) => request.prompt);

/** Frees what they hold. */
export function discardRows(started: StartedRows[]): void {
  for (const { cache, logits, discard } of started) {
    cache.dispose();
    logits.dispose();
    discard?.();
  }
}
