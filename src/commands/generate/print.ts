/** Answers in the forms of `generate`: text for people, and JSON. */
import type { Edit } from '../../engine/steering';
import type { LanguageModel } from '../../language/languageModel';
import type { TracedToken } from '../../language/trace';
import { fixed, showTable } from '../../util/table';
import type { WantedEdit } from '../steering';
import type { Answer } from './answers';

/** An answer as `--json` and `--jsonl` have it; docs/generate.md says what each field is. */
export function answerJson(lm: LanguageModel, answer: Answer): Record<string, unknown> {
  const { index, sample, seed, prompt, system, row, edits, text, trace } = answer;
  return {
    index,
    sample,
    seed,
    steered: edits.length > 0,
    ...(typeof prompt === 'string' ? { prompt } : { messages: prompt }),
    ...(system !== undefined && { system }),
    text,
    prompt_tokens: answer.promptTokens,
    tokens: answer.tokens.length,
    stopped: answer.stopped,
    ...(row && { row }),
    ...(trace && {
      trace: { problems: trace.problems, tokens: tracedJson(lm, trace.tokens) },
    }),
  };
}

function tracedJson(lm: LanguageModel, tokens: TracedToken[]) {
  const texts = textsOf(lm, tokens);
  return tokens.map(({ id, part, edits, kl }, i) => ({
    id,
    text: texts[i],
    part,
    kl,
    edits: edits.map(({ normBefore, ...edit }) => ({ ...edit, norm_before: normBefore })),
  }));
}

/** Edits as they act: what was asked for, with numbers in place of what files say. */
export function editsJson(wanted: WantedEdit[], edits: Edit[]): Record<string, unknown>[] {
  return edits.map(({ vector: _, ...edit }, i) => ({ ...wanted[i].spec, ...edit }));
}

/** `lowercase@4*1.5x`, as it was written. */
export const stepsOf = (given: string[]) => given.map((one) => one.split(/[\\/]/).at(-1)).join(' ');

/** What each token adds to the text; part of a character adds nothing until it is whole. */
function textsOf(lm: LanguageModel, tokens: TracedToken[]): string[] {
  const stream = lm.tokenizer.stream({ skipSpecialTokens: false });
  return tokens.map(({ id }) => stream.push(id));
}

/**
 * A trace as a table: for each token and edit, h·u before and after it, |h| after it, and the KL of
 * what follows the token. A dot marks where the positions of an edit leave a token alone.
 */
export function traceTable(lm: LanguageModel, tokens: TracedToken[], width: number): string {
  const texts = textsOf(lm, tokens);
  const count = tokens[0].edits.length;
  const columnsOf = (at: number) => {
    const { layer } = tokens[0].edits[at];
    const which = count > 1 ? ` (${at + 1})` : '';
    return [`layer ${layer}${which}: h·u`, 'steered', '|h|'];
  };
  const columns = [
    { name: 'token', label: true },
    { name: '' },
    ...Array.from({ length: count }, (_, at) => columnsOf(at).map((name) => ({ name }))).flat(),
    { name: 'KL' },
  ];
  const rows = tokens.map(({ part, edits, kl }, i) => ({
    section: part === 'prompt' ? 'Prompt' : 'Answer',
    cells: [
      JSON.stringify(texts[i]),
      edits.some(({ acts }) => acts) ? '' : '·',
      ...edits.flatMap((edit) => [fixed(edit.before), fixed(edit.after), fixed(edit.norm)]),
      fixed(kl, 4),
    ],
  }));
  return showTable({ columns, rows }, { width });
}
