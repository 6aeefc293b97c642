/**
 * Our verdicts on published responses. Two things of the authors' scripts are not IFEval's, and
 * verdicts can be compared only where they are known:
 *
 * - Rows of the augmented file lack the arguments of `change_case:capital_word_frequency`. The official
 *   checker draws what is missing, so that these verdicts are about a number that nobody asked for. The
 *   authors repaired the unsteered rows of their search, by number and relation as the prompt has
 *   them, and so do we with all; the others' recorded verdicts stay drawn, and are not compared.
 * - In their search a section counts only when it has text.
 */
import {
  countWords,
  followLoose,
  type Instruction,
  InstructionError,
  type Kwargs,
  parseInstruction,
  type Verdict,
} from '../../../ifeval';
import { compare } from '../../../ifeval/evidence';
import { literal, SPACE, strip } from '../../../ifeval/python';
import { officialId } from '../../shared/data/instructionRows';
import type { OutputRow, SearchRow } from './outputs';

/** A response, and what we find. */
export interface CheckedRow<R extends OutputRow = OutputRow> {
  row: R;
  /** Whether all instructions are followed, loosely; undefined where that can't be checked. */
  ours?: boolean;
  /** What decided, or why it can't be checked. */
  evidence: string;
  /** Whether the recorded verdict was about arguments drawn at random. */
  drawn: boolean;
}

export const checkOutput = (row: OutputRow): CheckedRow => check(row, 'evaluation');

export const checkSearched = (row: SearchRow): CheckedRow<SearchRow> => check(row, 'search');

function check<R extends OutputRow>(row: R, step: 'search' | 'evaluation'): CheckedRow<R> {
  const unsteered = step === 'search' && 'layer' in row && row.layer === null;
  let drawn = false;
  try {
    const verdicts = row.ids.map((id, i) => {
      const given = row.kwargs[i];
      const lacks = id === CAPITAL_WORDS && lacksArguments(given);
      drawn ||= lacks && !unsteered;
      const kwargs = lacks ? capitalsInPrompt(row.prompt) : given;
      const instruction = parseInstruction(officialId(id), kwargs);
      return followLoose(step === 'search' ? asSearched(instruction) : instruction, row.response);
    });
    const ours = verdicts.every(({ followed }) => followed);
    return { row, ours, evidence: verdicts.map(({ evidence }) => evidence).join('; '), drawn };
  } catch (error) {
    if (!(error instanceof InstructionError)) throw error;
    return { row, evidence: error.message, drawn };
  }
}

const CAPITAL_WORDS = 'change_case:capital_word_frequency';

const lacksArguments = ({ capital_frequency, capital_relation }: Record<string, unknown>) =>
  (capital_frequency ?? null) === null || (capital_relation ?? null) === null;

/** The last number of a prompt, and the relation that it names; "at most" is read as "less than". */
function capitalsInPrompt(prompt: string): Record<string, unknown> {
  const number = prompt.match(/\d+/g)?.at(-1);
  const below = /less than|at most/.test(prompt);
  const above = /more than|at least/.test(prompt);
  return {
    ...(number && { capital_frequency: Number(number) }),
    ...((below || above) && { capital_relation: below ? 'less than' : 'at least' }),
  };
}

/** An instruction as the authors' layer search checks it. */
function asSearched(instruction: Instruction): Instruction {
  const sections = instruction.id === 'detectable_format:multiple_sections';
  return sections ? { ...instruction, check: filledSections } : instruction;
}

/** At least so many pieces of text between section marks, before the first one too, of two words or more. */
export function filledSections(
  response: string,
  { section_spliter, num_sections }: Pick<Kwargs, 'section_spliter' | 'num_sections'>,
): Verdict {
  const mark = new RegExp(`${literal(strip(section_spliter))}[${SPACE}]?\\p{Nd}+`, 'u');
  const filled = response.split(mark).filter((piece) => countWords(piece) >= 2);
  return compare(filled.length, 'at least', num_sections, 'section', ' with text');
}
