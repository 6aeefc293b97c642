import { InputError } from '../../../../src/util/errors';
import { groupBy } from '../../groupBy';
import type { PlannedWork } from '../plannedWork';

/**
 * Refuses to split what is no single evaluation, or has too few rows.
 * @param planned what a dry run tells
 * @throws InputError saying what can be done
 */
export function refuseShards(planned: PlannedWork[], shards: number): void {
  const answers = planned.filter((work) => work.kind === 'answers');
  const [evaluation, ...others] = groupBy(answers, ({ place }) => place);
  if (!evaluation || others.length) {
    throw new InputError(
      `This has ${evaluation ? `${1 + others.length} evaluations` : 'no evaluation'}, and one is split by rows ` +
        'at a time: start the script of that step (evaluate.ts).',
    );
  }
  const batches = evaluation
    .map(({ prompts, model }) => Math.ceil(prompts.length / model.batch_size))
    .reduce((a, b) => a + b, 0);
  if (shards <= batches) return;
  throw new InputError(
    `${shards} shards are more than there are batches of answers (${batches}, by batch_size): ` +
      `${batches} at most.`,
  );
}
