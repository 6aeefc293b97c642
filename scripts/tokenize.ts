/**
 * What Tiller makes of texts and ids, for scripts/compare_tokenizers.py:
 *
 *     node -r ts-node/register scripts/tokenize.ts requests.json answers.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { loadTokenizer } from '../src/text/loadTokenizer';
import type { JsonValue, Message } from '../src/text/tokenizer';
import { InputError } from '../src/util/errors';
import { runAsProgram } from '../src/util/script';

interface Request {
  dir: string;
  texts: string[];
  ids: number[][];
  chats: { messages: Message[]; given: Record<string, JsonValue> }[];
}

/** The result of `run`, or the message of its InputError. */
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof InputError) return { refused: error.message };
    return { crashed: error instanceof Error ? error.stack : String(error) };
  }
}

function answer({ dir, texts, ids, chats }: Request) {
  const tokenizer = loadTokenizer(dir);
  const decode = (row: number[], skipSpecialTokens: boolean) =>
    attempt(() => tokenizer.decode(row, { skipSpecialTokens }));
  return {
    size: tokenizer.vocabSize,
    bos: tokenizer.bosId ?? null,
    eos: tokenizer.eosId ?? null,
    pad: tokenizer.padId,
    plain: texts.map((text) => attempt(() => tokenizer.encode(text, { bos: false }))),
    special: texts.map((text) => attempt(() => tokenizer.encode(text))),
    decoded: ids.map((row) => decode(row, false)),
    skipping: ids.map((row) => decode(row, true)),
    chats: chats.map(({ messages, given }) =>
      attempt(() => tokenizer.formatChat(messages, { templateVariables: given })),
    ),
  };
}

runAsProgram(module, { takes: [2, 2] }, ({ positionals: [requests, answers] }) => {
  const all = JSON.parse(readFileSync(requests, 'utf8')) as Request[];
  writeFileSync(answers, JSON.stringify(all.map((request) => attempt(() => answer(request)))));
});
