import * as path from 'node:path';
import type { Edit } from '../../../src/engine/steering';
import { RunFolder } from '../../../src/runs/runFolder';
import { hashFile, toolVersion } from '../provenance';
import type { Answer, Session } from '../session';
import type { NamedEdit } from '../vectors/vectorFile';
import { answerRows, type Planned } from './answerRows';
import type { ScoredRow } from './cells';
import { type JudgeConfig, judgeResponses, type Perplexities } from './judge';

/** Opens the folder of a run, which records all that its rows depend on. @throws as `RunFolder.open` */
export function openRun<R extends ScoredRow>(
  session: Session,
  folder: string,
  config: Record<string, unknown> & { data_path: string },
): RunFolder<R> {
  return RunFolder.open<R>(folder, {
    ...config,
    name: path.basename(folder),
    backend: session.backend.name,
    prompt_style: session.promptStyle,
    model_fingerprint: session.files.fingerprint,
    data_sha256: hashFile(config.data_path),
    tool: toolVersion,
  });
}

/**
 * Answers the planned rows and has the answers judged.
 * @returns the rows in the order of the plan, and their perplexities where there is a judge
 */
export async function answerAndJudge<P extends Planned, R extends ScoredRow>(
  session: Session,
  run: RunFolder<R>,
  plan: P[],
  config: JudgeConfig & { batch_size: number; max_generation_length: number },
  options: { steer(edit: NamedEdit): Edit; toRow(planned: P, answer: Answer): R },
): Promise<{ rows: R[]; perplexities: Perplexities | undefined }> {
  await answerRows(session, run, plan, {
    ...options,
    batchSize: config.batch_size,
    maxNewTokens: config.max_generation_length,
  });
  const rows = plan.map(({ id }) => run.rows.get(id) as R);
  return { rows, perplexities: await judgeResponses(run.folder, rows, config) };
}
