/** Official jsonl files: prompts with instructions, and responses. */
import * as fs from 'node:fs';
import { type Instruction, InstructionError, parseInstruction } from './instruction';

/** A prompt with its instructions, and the response to it. */
export interface Row {
  key: number | string | undefined;
  prompt: string;
  instructions: Instruction[];
  response: string;
}

/** What is wrong with a row, and where: file, line from 1. */
export interface Problem {
  file: string;
  line: number;
  reason: string;
}

/** A file that can't be read at all. */
export class FileError extends Error {
  override name = 'FileError';
}

type Fields = Record<string, unknown>;

function readFile(file: string): string {
  try {
    // Other bytes than UTF-8 would become other characters without a word.
    return new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file));
  } catch (error) {
    throw new FileError(`Can't read ${file}: ${(error as Error).message}`);
  }
}

/** The objects of a jsonl file by line; lines that hold none become problems, blank ones nothing. */
function readObjects(file: string, problems: Problem[]): { line: number; fields: Fields }[] {
  return readFile(file)
    .split('\n')
    .flatMap((text, i) => {
      if (!text.trim()) return [];
      const line = i + 1;
      try {
        const fields: unknown = JSON.parse(text);
        if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) {
          return [{ line, fields: fields as Fields }];
        }
        problems.push({ file, line, reason: 'not a JSON object' });
      } catch (error) {
        problems.push({ file, line, reason: `broken JSON: ${(error as Error).message}` });
      }
      return [];
    });
}

/** Responses by prompt. When a prompt is answered more than once, the last answer counts. */
function readResponses(file: string, problems: Problem[]): Map<string, string> {
  const responses = new Map<string, string>();
  for (const { line, fields } of readObjects(file, problems)) {
    const { prompt, response } = fields;
    const missing = Object.entries({ prompt, response })
      .filter(([, value]) => typeof value !== 'string')
      .map(([name]) => `${name} must be a text`);
    if (missing.length) problems.push({ file, line, reason: missing.join('; ') });
    else responses.set(prompt as string, response as string);
  }
  return responses;
}

/** The instructions of a row. Problems are thrown all together. */
function parseInstructions({ instruction_id_list: ids, kwargs }: Fields): Instruction[] {
  if (!Array.isArray(ids) || !ids.length || !ids.every((id) => typeof id === 'string')) {
    throw new InstructionError(['instruction_id_list must be a list of ids']);
  }
  if (!Array.isArray(kwargs) || kwargs.length !== ids.length) {
    throw new InstructionError([
      `kwargs must be a list of ${ids.length}, one for each instruction`,
    ]);
  }
  const problems: string[] = [];
  const instructions: Instruction[] = [];
  for (const [i, id] of ids.entries()) {
    try {
      instructions.push(parseInstruction(id, kwargs[i]));
    } catch (error) {
      if (!(error instanceof InstructionError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length) throw new InstructionError(problems);
  return instructions;
}

/**
 * Rows of two official files, matched by prompt, and the problems of those that can't be used.
 * @throws FileError when a file can't be read
 */
export function readRows(inputFile: string, responseFile: string) {
  const problems: Problem[] = [];
  const rows: Row[] = [];
  const inputs = readObjects(inputFile, problems);
  const responses = readResponses(responseFile, problems);
  for (const { line, fields } of inputs) {
    const { key, prompt } = fields;
    const add = (reason: string) => problems.push({ file: inputFile, line, reason });
    let instructions: Instruction[] | undefined;
    try {
      instructions = parseInstructions(fields);
    } catch (error) {
      if (!(error instanceof InstructionError)) throw error;
      error.problems.forEach(add);
    }
    if (typeof prompt !== 'string') {
      add('prompt must be a text');
      continue;
    }
    const response = responses.get(prompt);
    if (response === undefined) add(`no response to this prompt in ${responseFile}`);
    else if (instructions) rows.push({ key: key as Row['key'], prompt, instructions, response });
  }
  return { rows, problems };
}
