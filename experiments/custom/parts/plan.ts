import { InputError } from '../../../src/util/errors';
import type { SteerSpec } from '../../../src/vectors/steerSpec';
import type { Planned } from '../../shared/answers/answering';
import { inPrompts } from '../../shared/answers/grid';
import type { CustomRow } from './cells';
import type { CustomPrompt } from './prompts';
import type { Way } from './steering';

/** A planned row. */
export type CustomPlan = Planned<SteerSpec> &
  Pick<CustomRow, 'key' | 'instructed' | 'steering'> & { asked: CustomPrompt };

/**
 * All rows: {without, with instruction} × {unsteered, each way to steer} × prompt. Where there is no
 * instruction, rows without it alone.
 * @throws InputError where rows with an instruction are wanted, and there is none
 */
export function planRows(
  prompts: CustomPrompt[],
  ways: Way[],
  include: boolean | 'both',
): CustomPlan[] {
  const hasInstructions = prompts[0].withIt !== null;
  if (include === true && !hasInstructions) {
    throw new InputError(
      'There is no instruction that could be in the prompts: give instruction=..., or prompts with ' +
        'their own.',
    );
  }
  const all = [{ name: 'none', edits: [] }, ...ways];
  return inPrompts(hasInstructions ? include : false).flatMap((instructed) =>
    all.flatMap(({ name: steering, edits }) =>
      prompts.map((asked) => ({
        id: [asked.key, instructed, steering].join('|'),
        key: asked.key,
        instructed,
        steering,
        prompt: instructed ? asked.withIt! : asked.prompt,
        ...(asked.system !== undefined && { system: asked.system }),
        edits,
        asked,
      })),
    ),
  );
}
