/** The judges of answers: a language model's perplexity, and a quality that is asked for. */
import { type ConfigOf, nullable, oneOf } from '../../../src/runs/config';
import type { Judgements } from './cells';
import { findJudge, judgeResponses, perplexitySchema } from './judge';
import { readEndpoint } from './qualityEndpoint';
import { judgeQuality, type QueryAndResponse, refuseOtherJudge } from './qualityJudge';

/** The config keys of an evaluation's judges. */
export const judgeSchema = {
  ...perplexitySchema,
  judge: nullable(oneOf(['openai'])),
};
export type JudgeConfig = ConfigOf<typeof judgeSchema>;

/**
 * To be called before the answers. Nothing is asked of an endpoint yet; a dry run says which it is.
 * @throws InputError for a judge that there isn't, or an endpoint that is not wholly named
 */
export function checkJudges(config: JudgeConfig & { dry_run: boolean }): void {
  findJudge(config);
  if (!config.judge) return;
  const { model, url } = readEndpoint();
  if (config.dry_run) console.log(`Quality would be judged by ${model} at ${url}`);
}

/** @throws InputError for a run that was judged otherwise by the model that is to judge it */
export function checkJudged(folder: string, { judge }: Partial<JudgeConfig>): void {
  if (judge) refuseOtherJudge(folder, readEndpoint());
}

/**
 * Has the answers of a finished run judged, and keeps what is said of them in its folder.
 * @throws as `judgeResponses` and `judgeQuality`
 */
export async function judgeAnswers(
  folder: string,
  rows: QueryAndResponse[],
  config: JudgeConfig,
): Promise<Judgements> {
  const perplexities = await judgeResponses(folder, rows, config);
  const qualities = config.judge ? await judgeQuality(folder, rows, readEndpoint()) : undefined;
  return { perplexities, qualities };
}
