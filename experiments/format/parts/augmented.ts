/**
 * The authors' augmented file (`format/ifeval_augmented_filtered.jsonl`): queries with one
 * instruction or another, in words of a model. It is not quite like the other files of rows.
 */
import { isMap } from '../../../src/runs/config';
import type { RowReader } from '../../shared/data/instructionRows';

type Row = Record<string, unknown>;

/** The families of instructions that are about format, as in the paper. */
const FAMILIES = ['detectable_format', 'language', 'change_case', 'punctuation', 'startend'];

const isAugmented = (row: Row) => typeof row.single_instruction_id === 'string';

/**
 * Reads its rows like others: their prompt is the `model_output` (`prompt` is what the model was asked
 * for it), and arguments that were lost are read from the prompt. Left out are rows about other
 * things than format, as in the authors' scripts, and rows whose answers can't be checked.
 * Rows of other files stay as they are.
 */
export function augmentedReader(): RowReader & { leftOut(): string[] } {
  let elsewhere = 0;
  const uncheckable: string[] = [];
  return {
    adapt(row) {
      if (!isAugmented(row)) return row;
      if (!FAMILIES.includes(String(row.single_instruction_id).split(':')[0])) {
        elsewhere++;
        return undefined;
      }
      const { model_output, prompt } = row;
      return withLostArguments({ ...row, prompt: model_output ?? prompt });
    },
    spare(row, problem) {
      if (isAugmented(row)) uncheckable.push(problem);
      return isAugmented(row);
    },
    leftOut: () => [
      ...(elsewhere ? [`${elsewhere} rows are not about format`] : []),
      ...(uncheckable.length
        ? [`${uncheckable.length} rows can't be checked (the first: ${uncheckable[0]})`]
        : []),
    ],
  };
}

/**
 * How many words in capitals a row asks for is not in its kwargs, which are empty. (The official
 * checker draws such a number anew for every verdict.)
 */
function withLostArguments(row: Row): Row {
  const { single_instruction_id: id, kwargs, prompt, prompt_without_instruction } = row;
  const empty = Array.isArray(kwargs) && kwargs.every((one) => isMap(one) && isEmpty(one));
  if (id !== 'change_case:capital_word_frequency' || !empty) return row;
  const bound = readBound(String(prompt), String(prompt_without_instruction));
  if (!bound) return row;
  const { relation: capital_relation, count: capital_frequency } = bound;
  return { ...row, kwargs: [{ capital_relation, capital_frequency }] };
}

const isEmpty = (map: Row) => Object.values(map).every((value) => value === null);

/** Words before a number, what IFEval calls that relation, and how far its number is from theirs. */
const BEFORE: [RegExp, 'at least' | 'less than', number][] = [
  [/\b(?:no|not) (?:more|greater) than (\d+)\b/gi, 'less than', 1],
  [/\b(?:no|not) (?:less|fewer) than (\d+)\b/gi, 'at least', 0],
  [/\b(?:at most|up to|a maximum of|maximum) (\d+)\b/gi, 'less than', 1],
  [/(?<!\b(?:no|not) )\b(?:less|fewer) than (\d+)\b/gi, 'less than', 0],
  [/\b(?:at least|a minimum of|minimum) (\d+)\b/gi, 'at least', 0],
  [/(?<!\b(?:no|not) )\bmore than (\d+)\b/gi, 'at least', 1],
  [/\b(\d+)(?: \w+)? or more\b/gi, 'at least', 0],
  [/\b(\d+)(?: \w+)? or (?:less|fewer)\b/gi, 'less than', 1],
];

/** The one bound that a prompt has and its query has not; undefined for none, or several. */
function readBound(prompt: string, query: string) {
  const found = BEFORE.flatMap(([words, relation, more]) =>
    [...prompt.matchAll(words)]
      .filter(([text]) => !query.includes(text))
      .map(([, number]) => ({ relation, count: Number(number) + more })),
  );
  return found.length === 1 ? found[0] : undefined;
}
