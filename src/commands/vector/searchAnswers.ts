/** The answers of a search: made in one run, and kept beside the vector file as they come. */
import * as fs from 'node:fs';
import { generate } from '../../engine/generate';
import type { Edit } from '../../engine/steering';
import type { LanguageModel } from '../../language/languageModel';
import { InputError } from '../../util/errors';
import { explainWriting } from '../../util/files';
import { hashOf } from '../../util/hash';
import { parseJson, wholeLines } from '../../util/json';
import { lock } from '../../util/lock';
import { Progress } from '../../util/progress';

/** A prompt with the edits of one setting. */
export interface Asked {
  ids: number[];
  edits: Edit[];
  /** What people may want to know of it in the record. */
  about: object;
}

export interface Kept {
  text: string;
  tokens: number;
  stopped: string;
}

/**
 * Greedy answers, steered and unsteered ones in one run: what of a prompt lies below the steered layers
 * is computed once. Each is written to `record` when it is there; those that are in it already, of
 * whichever search, are not made again.
 * @throws InputError while another process writes to the record, or where it can't be written
 */
export async function searchAnswers(
  lm: LanguageModel,
  asked: Asked[],
  { record, maxNewTokens }: { record: string; maxNewTokens: number },
): Promise<Kept[]> {
  const release = lock(`${record}.lock`, record);
  try {
    const { known, wholeBytes } = readRecord(record);
    if (wholeBytes !== undefined) fs.truncateSync(record, wholeBytes);
    // The prompts of a setting share its list of edits.
    const numbers = new Map(
      [...new Set(asked.map(({ edits }) => edits))].map((list) => [list, list.map(numbersOf)]),
    );
    const keys = asked.map(({ ids, edits }) =>
      hashOf([lm.fingerprint, lm.dtype, maxNewTokens, ids, numbers.get(edits)]),
    );
    const todo = [...keys.keys()].filter((i) => !known.has(keys[i]));
    const progress = new Progress('answers', asked.length, { already: asked.length - todo.length });
    if (todo.length) {
      await generate(
        lm.model,
        todo.map((i) => asked[i].ids),
        {
          maxNewTokens,
          stopIds: lm.tokenizer.stopIds,
          padId: lm.padId,
          edits: todo.map((i) => asked[i].edits),
          onFinish(at, { tokens, stopped }) {
            const i = todo[at];
            const text = lm.tokenizer.decode(tokens, { skipSpecialTokens: true });
            const row = { text, tokens: tokens.length, stopped };
            append(record, { key: keys[i], ...asked[i].about, ...row });
            known.set(keys[i], row);
            progress.add(1);
          },
        },
      );
    }
    progress.end();
    return keys.map((key) => known.get(key)!);
  } finally {
    release();
  }
}

const numbersOf = ({ vector, ...edit }: Edit) => ({ ...edit, vector: hashOf([...vector]) });

function append(record: string, row: object) {
  const line = `${JSON.stringify(row)}\n`;
  const advice = 'What is in it is kept; start again.';
  explainWriting(record, () => fs.appendFileSync(record, line), advice);
}

/** The answers by key, and how long the file is without a line that was cut off. */
function readRecord(record: string): { known: Map<string, Kept>; wholeBytes?: number } {
  const known = new Map<string, Kept>();
  if (!fs.existsSync(record)) return { known };
  const { lines, wholeBytes } = wholeLines(fs.readFileSync(record));
  for (const [i, line] of lines.entries()) {
    const row = parseJson(line) as (Kept & { key: string }) | undefined;
    if (typeof row?.key !== 'string' || typeof row.text !== 'string') {
      throw new InputError(`${record}:${i + 1} is damaged: remove that line, or the file.`);
    }
    known.set(row.key, row);
  }
  return { known, wholeBytes };
}
