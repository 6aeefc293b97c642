import { Progress } from '../../../src/util/progress';
import type { InstructionRow } from '../../shared/data/instructionRows';
import type { Session } from '../../shared/session';
import type { PairActivations } from './vectorAnalyses';

/** Every prompt of the rows once. */
export const promptsOf = (rows: InstructionRow[]): string[] => [
  ...new Set(rows.flatMap(({ prompt, withoutInstruction }) => [prompt, withoutInstruction])),
];

/**
 * The residual stream at the last token of every row's two prompts.
 * @param layers those kept
 * @throws InputError as `session.encode`
 */
export async function pairActivations(
  session: Session,
  rows: InstructionRow[],
  layers: number[],
  batchSize: number,
): Promise<PairActivations[]> {
  const prompts = promptsOf(rows);
  const progress = new Progress('prompts', prompts.length);
  const activations = await session.activations(prompts, {
    layers,
    finalTokens: 1,
    batchSize,
    onBatch: (count) => progress.add(count),
  });
  progress.end();
  const { dModel } = session.model.config;
  const of = (prompt: string) => {
    const all = activations[prompts.indexOf(prompt)];
    return layers.map((_, at) => all.subarray(at * dModel, (at + 1) * dModel));
  };
  return rows.map(({ key, id, prompt, withoutInstruction }) => ({
    key,
    instruction_id: id,
    withIt: of(prompt),
    without: of(withoutInstruction),
  }));
}
