import { Progress } from '../../src/progress';
import type { Row, RunFolder } from '../../src/runFolder';
import type { Steer } from '../../src/steering';
import type { Answer, Session } from './session';
import type { Edit } from './vectors';

/** A row to be answered: its prompt as the model sees it, and the edits that steer it. */
export interface Planned extends Row {
  prompt: string;
  edits: Edit[];
}

/** Rows with one answer in common: greedy decoding gives the same for the same prompt and edits. */
function shareAnswers<P extends Planned>(plan: P[]): P[][] {
  const groups = new Map<string, P[]>();
  for (const row of plan) {
    const key = JSON.stringify([row.prompt, row.edits]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
}

/** How many answers a plan takes. */
export function countAnswers(plan: Planned[]): number {
  return shareAnswers(plan).length;
}

/**
 * Answers all planned rows, batch by batch, steered and unsteered ones in the same batches, and
 * adds the finished rows to the run. The batches follow from the plan alone, and a batch whose rows
 * are there already is skipped: a run that was killed ends with the same files as one that was not.
 */
export async function answerRows<P extends Planned, R extends Row>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  options: {
    batchSize: number;
    maxNewTokens: number;
    steer(edit: Edit): Steer;
    toRow(planned: P, answer: Answer): R;
  },
): Promise<void> {
  const groups = shareAnswers(plan);
  const batches: P[][][] = [];
  for (let i = 0; i < groups.length; i += options.batchSize) {
    batches.push(groups.slice(i, i + options.batchSize));
  }
  const finished = (batch: P[][]) => batch.flat().every(({ id }) => run.rows.has(id));
  const todo = batches.filter((batch) => !finished(batch));
  if (!todo.length) return;
  const left = todo.flat().length;
  const progress = new Progress('answers', groups.length, { already: groups.length - left });
  for (const batch of todo) {
    const answers = await session.answer(
      batch.map(([{ prompt, edits }]) => ({ prompt, steering: edits.map(options.steer) })),
      options.maxNewTokens,
    );
    const rows = batch.flatMap((group, i) =>
      group.map((planned) => options.toRow(planned, answers[i])),
    );
    run.append(rows.filter(({ id }) => !run.rows.has(id)));
    progress.add(batch.length);
  }
  progress.end();
}
