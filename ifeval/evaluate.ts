/** Evaluation of many responses: verdicts in the official format, and how many instructions hold. */
import { followLoose, followStrict, type Mode } from './follow';
import type { Row } from './rows';

/** A line of the official results file, with evidence beside. */
export interface Result {
  follow_all_instructions: boolean;
  follow_instruction_list: boolean[];
  instruction_id_list: string[];
  prompt: string;
  response: string;
  /** Why, for each instruction. */
  evidence: string[];
}

export function evaluate({ prompt, response, instructions }: Row, mode: Mode): Result {
  const follow = mode === 'strict' ? followStrict : followLoose;
  const verdicts = instructions.map((instruction) => follow(instruction, response));
  return {
    follow_all_instructions: verdicts.every(({ followed }) => followed),
    follow_instruction_list: verdicts.map(({ followed }) => followed),
    instruction_id_list: instructions.map(({ id }) => id),
    prompt,
    response,
    evidence: verdicts.map(({ evidence }) => evidence),
  };
}

/** How many of how many. */
export interface Share {
  followed: number;
  total: number;
}

export interface Summary {
  prompts: Share;
  instructions: Share;
  /** By family (`keywords`) and by type (`keywords:existence`), in order of their names. */
  families: Map<string, Share>;
  types: Map<string, Share>;
}

function add(share: Share, followed: boolean) {
  share.total++;
  if (followed) share.followed++;
}

function tally(entries: [name: string, followed: boolean][]): Map<string, Share> {
  const shares = new Map<string, Share>();
  for (const [name] of entries.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    shares.set(name, { followed: 0, total: 0 });
  }
  for (const [name, followed] of entries) add(shares.get(name)!, followed);
  return shares;
}

/** Accuracies as officially defined: of prompts with all instructions followed, of instructions. */
export function summarize(results: Result[]): Summary {
  const prompts: Share = { followed: 0, total: 0 };
  const instructions: Share = { followed: 0, total: 0 };
  const entries: [string, boolean][] = [];
  for (const result of results) {
    add(prompts, result.follow_all_instructions);
    result.instruction_id_list.forEach((id, i) => {
      add(instructions, result.follow_instruction_list[i]);
      entries.push([id, result.follow_instruction_list[i]]);
    });
  }
  const families = entries.map(([id, followed]): [string, boolean] => [id.split(':')[0], followed]);
  return { prompts, instructions, families: tally(families), types: tally(entries) };
}

function cell(share: Share): string {
  const percent = `${((100 * share.followed) / share.total).toFixed(1)} %`.padStart(8);
  return percent + `${share.followed}/${share.total}`.padStart(10);
}

/** The table of both modes: prompts, instructions, families, types. */
export function formatSummary(strict: Summary, loose: Summary): string {
  const width = 45;
  const line = (name: string, a: Share, b: Share) => name.padEnd(width) + cell(a) + cell(b);
  const group = (key: 'families' | 'types') =>
    [...strict[key]].map(([name, share]) => line(name, share, loose[key].get(name)!));
  return [
    `${''.padEnd(width)}${'strict'.padStart(18)}${'loose'.padStart(18)}`,
    line('prompt-level', strict.prompts, loose.prompts),
    line('instruction-level', strict.instructions, loose.instructions),
    '',
    ...group('families'),
    '',
    ...group('types'),
  ].join('\n');
}
