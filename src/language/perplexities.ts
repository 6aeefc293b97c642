import { meanNll, perplexityOf } from '../engine/perplexity';
import type { LanguageModel } from './languageModel';

/** What a judge makes of a text. */
export interface JudgedText {
  /** exp of the mean loss per token; null for a text with nothing to predict. */
  perplexity: number | null;
  /** In tokens of the judge. */
  tokens: number;
}

export interface JudgeOptions {
  /** Texts read together; default 16. */
  batchSize?: number;
  /** Called as texts are done. */
  onBatch?(texts: number): void;
}

/** The perplexity of each text by a language model, the text alone, as the tokenizer encodes it. */
export async function perplexitiesOf(
  { model, tokenizer }: Pick<LanguageModel, 'model' | 'tokenizer'>,
  texts: string[],
  { batchSize = 16, onBatch }: JudgeOptions = {},
): Promise<JudgedText[]> {
  const judged: JudgedText[] = [];
  for (let i = 0; i < texts.length; i += batchSize) {
    const ids = texts.slice(i, i + batchSize).map((text) => tokenizer.encode(text));
    const losses = await meanNll(model, ids, { batchSize });
    ids.forEach(({ length }, k) => {
      judged.push({ perplexity: perplexityOf(losses[k]), tokens: length });
    });
    onBatch?.(ids.length);
  }
  return judged;
}
