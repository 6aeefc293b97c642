import { writeAtomic } from '../../../src/util/files';
import type { InstructionRow } from '../../shared/data/instructionRows';
import type { Session } from '../../shared/session';

/**
 * Writes short unsteered answers to look at, each row with and without its instruction, as JSONL.
 * @param rows answered `batch_size` prompts at a time, in `generation_length` new tokens at most
 */
export async function writeGenerations(
  session: Session,
  rows: InstructionRow[],
  file: string,
  config: { batch_size: number; generation_length: number },
): Promise<void> {
  const prompts = rows.flatMap(({ key, id, prompt, withoutInstruction }) => [
    { key, instruction_id: id, instructed: true, prompt },
    { key, instruction_id: id, instructed: false, prompt: withoutInstruction },
  ]);
  const lines: string[] = [];
  for (let i = 0; i < prompts.length; i += config.batch_size) {
    const batch = prompts.slice(i, i + config.batch_size);
    const requests = batch.map(({ prompt }) => ({ prompt, edits: [] }));
    const answers = await session.answer(requests, config.generation_length);
    lines.push(...batch.map((row, at) => `${JSON.stringify({ ...row, ...answers[at] })}\n`));
  }
  writeAtomic(file, lines.join(''));
  console.log(`${prompts.length} short answers to look at: ${file}`);
}
