import type { Edit } from '../../../src/engine/steering';
import type { Row, RunFolder } from '../../../src/runs/runFolder';
import type { Answer, Session } from '../session';
import type { NamedEdit } from '../vectors/vectorFile';
import { groupBy } from './cells';
import { finishRows } from './finishRows';

/** A row to be answered: its prompt as the model sees it, and the edits that steer it. */
export interface Planned extends Row {
  prompt: string;
  edits: NamedEdit[];
}

/**
 * Rows with one answer in common: greedy decoding gives the same for the same prompt and edits. Edits
 * of one prompt stand side by side, so that they share a batch, and what is below their layers.
 */
function shareAnswers<P extends Planned>(plan: P[]): P[][] {
  const groups = groupBy(plan, ({ prompt, edits }) => JSON.stringify([prompt, edits]));
  return groupBy(groups, ([{ prompt }]) => prompt).flat();
}

/** How many answers a plan takes. */
export function countAnswers(plan: Planned[]): number {
  return shareAnswers(plan).length;
}

/**
 * Answers all planned rows, batch by batch, steered and unsteered ones in the same batches, and
 * adds the finished rows to the run (see `finishRows`).
 */
export async function answerRows<P extends Planned, R extends Row>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  options: {
    batchSize: number;
    maxNewTokens: number;
    steer(edit: NamedEdit): Edit;
    toRow(planned: P, answer: Answer): R;
  },
): Promise<void> {
  const { batchSize, maxNewTokens, steer, toRow } = options;
  await finishRows(run, shareAnswers(plan), { unit: 'answers', batchSize }, async (batch) => {
    const answers = await session.answer(
      batch.map(([{ prompt, edits }]) => ({ prompt, edits: edits.map(steer) })),
      maxNewTokens,
    );
    return batch.flatMap((group, i) => group.map((planned) => toRow(planned, answers[i])));
  });
}
