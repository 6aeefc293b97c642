import type { InstructionRow } from '../../shared/data/instructionRows';
import type { Session } from '../../shared/session';
import { activationsByPrompt } from '../../shared/vectors/compute';
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
  const options = { layers, finalTokens: 1, batchSize };
  const activations = await activationsByPrompt(session, promptsOf(rows), options);
  const { dModel } = session.model.config;
  const of = (prompt: string) => {
    const all = activations.get(prompt)!;
    return layers.map((_, at) => all.subarray(at * dModel, (at + 1) * dModel));
  };
  return rows.map(({ key, id, prompt, withoutInstruction }) => ({
    key,
    instruction_id: id,
    withIt: of(prompt),
    without: of(withoutInstruction),
  }));
}
