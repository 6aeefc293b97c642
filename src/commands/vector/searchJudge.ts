/** Who judges the answers of a search by their perplexity. */
import { openModel } from '../../../models/open';
import { findModel } from '../../hub/fingerprint';
import type { LanguageModel } from '../../language/languageModel';
import { perplexitiesOf } from '../../language/perplexities';
import { InputError } from '../../util/errors';
import { Progress } from '../../util/progress';
import { number, type Options, text } from '../command';

export interface Judge {
  /** What to call it; `self` is the steered model without steering. */
  name: string;
  /** What opens it: an alias, a Hub id or a folder; null for `self`. */
  model: string | null;
  /** Why this one. */
  why: string;
  /** Answers below this perplexity repeat themselves. */
  degenerateBelow: number;
}

/** Of tiny-gpt2, what it is sure of is 1.33 and more; 2.5 of GPT-2, as in the paper. */
const DEGENERATE_BELOW: Record<string, number> = { 'tiny-gpt2': 1.3, gpt2: 2.5 };

/**
 * The judge that `--judge` names; else tiny-gpt2 for the tiny models, GPT-2 where it is, else the
 * model itself.
 * @throws InputError for one that there isn't
 */
export function chooseJudge(options: Options, model: string): Judge {
  const given = text(options, 'judge');
  const judge = (name: string, why: string, opens: string | null = name): Judge => {
    const usual = DEGENERATE_BELOW[name] ?? 0;
    const fits = (x: number) => x >= 0;
    const below = number(options, 'degenerate-below', usual, 'a perplexity from 0', fits);
    return { name, model: opens, why, degenerateBelow: below };
  };
  if (given === 'self') return judge('self', '--judge', null);
  if (given !== undefined) return judge(findModel(given).name, '--judge', given);
  if (/^tiny-/.test(model)) return judge('tiny-gpt2', 'the judge of the tiny models');
  if (isThere('gpt2')) return judge('gpt2', 'it is on this machine');
  return judge('self', 'gpt2 is not on this machine', null);
}

function isThere(model: string): boolean {
  try {
    findModel(model);
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** The perplexity of each text, without the space around it; equal texts are judged once. */
export async function judgeTexts(
  lm: LanguageModel,
  { model }: Judge,
  texts: string[],
): Promise<(number | null)[]> {
  const trimmed = texts.map((one) => one.trim());
  const distinct = [...new Set(trimmed)].sort((a, b) => a.length - b.length);
  const judge = model === null ? lm : await openModel(model, { backend: lm.backend.name });
  try {
    const progress = new Progress('perplexities', distinct.length);
    const onBatch = (count: number) => progress.add(count);
    const judged = await perplexitiesOf(judge, distinct, { onBatch });
    progress.end();
    const of = new Map(distinct.map((one, i) => [one, judged[i].perplexity]));
    return trimmed.map((one) => of.get(one)!);
  } finally {
    if (judge !== lm) judge.dispose();
  }
}
