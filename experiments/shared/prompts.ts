/**
 * Prompts as a model reads them, and those that it can't take: found from tokenizer and config.json
 * alone, before anything is computed.
 */

import type { ModelFiles } from '../../src/hub/fingerprint';
import { flag } from '../../src/runs/config';
import type { PromptStyle, Tokenizer } from '../../src/text/tokenizer';
import { InputError } from '../../src/util/errors';
import { type Compat, isOn } from './command/compat';

/** The config keys that say how a prompt becomes tokens. */
interface PromptConfig {
  prompt_style: PromptStyle | null;
  compat: (Compat | 'paper')[] | null;
}

/** The config key of every step that runs prompts. */
export const longPromptsSchema = { skip_long: flag() };
export type LongPromptsConfig = PromptConfig & { skip_long: boolean };

/** How the prompts of an experiment become tokens. */
export interface PromptEncoder {
  tokenizer: Tokenizer;
  style: PromptStyle;
  /** Ids of a formatted prompt, however many. */
  encode(prompt: string, system?: string): number[];
}

/** Of the model whose prompts were encoded last: the next step mostly has the same. */
let kept: { fingerprint: string; tokenizer: Tokenizer } | undefined;

/** @throws InputError as `loadTokenizer` */
export function promptEncoder(
  { dir, fingerprint }: ModelFiles,
  { prompt_style, compat }: PromptConfig,
): PromptEncoder {
  if (kept?.fingerprint !== fingerprint) {
    // Loaded here, not above: --help needs none of it.
    const { loadTokenizer } =
      require('../../src/text/loadTokenizer') as typeof import('../../src/text/loadTokenizer');
    kept = { fingerprint, tokenizer: loadTokenizer(dir) };
  }
  const { tokenizer } = kept;
  const style = prompt_style ?? (tokenizer.hasChatTemplate ? 'chat' : 'qa');
  const doubleBos = style === 'chat' && isOn('double_bos', compat);
  return {
    tokenizer,
    style,
    encode: (prompt, system) => tokenizer.encodePrompt(prompt, { style, system, doubleBos }),
  };
}

/** Positions of a model's context, prompt and answer together, from its config.json. */
export function contextLength(dir: string): number {
  const { openConfig } =
    require('../../src/checkpoint/folder') as typeof import('../../src/checkpoint/folder');
  const { values } = openConfig(dir);
  const said = values.max_position_embeddings ?? values.n_positions;
  if (Number.isSafeInteger(said)) return Number(said);
  // The architecture's file knows what stands for it; it takes longer to load.
  const { readDims } = require('../../models') as typeof import('../../models');
  return readDims(dir).maxPositions;
}

/** What a summary.json says about rows that were left out; nothing where none was. */
export interface Skipped {
  skipped_long?: { rows: number; limit: number; tokens: Record<string, number> };
}

interface LongPrompts<R> {
  /** Where the rows come from. */
  file: string;
  /** All prompts that a row has, in whatever cell. */
  promptsOf(row: R): string[];
  /** A system prompt before each of them. */
  systemOf?(row: R): string | undefined;
  /** What to call a row; default: its key. */
  nameOf?(row: R): string;
  /** How long the answers to a row may be, where there are any. */
  newTokensOf?(row: R): number;
}

/**
 * The rows all of whose prompts leave room for an answer in the model's context. The others are an
 * error, or with `skip_long` left out whole, so that cells stay paired. Says which prompts leave room
 * for a part of an answer only.
 * @throws InputError naming file, row, tokens and context of each that is too long; when none is left
 */
export function shortRows<R extends { key: string }>(
  model: ModelFiles,
  config: LongPromptsConfig,
  rows: R[],
  {
    file,
    promptsOf,
    systemOf = () => undefined,
    nameOf = ({ key }) => key,
    newTokensOf = () => 0,
  }: LongPrompts<R>,
): { rows: R[]; skipped: Skipped } {
  const limit = contextLength(model.dir);
  const tokensOf = counter(promptEncoder(model, config));
  const long = new Map<R, number>();
  let cut = 0;
  for (const row of rows) {
    const room = limit - newTokensOf(row);
    const most = Math.max(...promptsOf(row).map((one) => tokensOf(one, room, systemOf(row))));
    if (most >= limit) long.set(row, most);
    else if (most > room) cut++;
  }
  if (cut) {
    console.log(
      `${cut} of ${rows.length} rows have prompts that leave less room than the longest answer: ` +
        `such answers end where the context of ${model.name} does, at ${limit} tokens ("cut off").`,
    );
  }
  if (!long.size) return { rows, skipped: {} };
  const named = [...long].map(([row, tokens]) => [nameOf(row), tokens] as const);
  const what =
    `${long.size} of ${rows.length} rows of ${file} have prompts that leave no room for an answer ` +
    `in the context of ${model.name}, ${limit} tokens:${listOf(named)}`;
  if (!config.skip_long) {
    throw new InputError(
      `${what}\nShorten these prompts, or go on without their rows: skip_long=true`,
    );
  }
  if (long.size === rows.length) throw new InputError(`${what}\nNo row is left.`);
  console.log(`Left out, in all cells: ${what}`);
  return {
    rows: rows.filter((row) => !long.has(row)),
    skipped: { skipped_long: { rows: long.size, limit, tokens: Object.fromEntries(named) } },
  };
}

/** Tokens are no shorter than a byte; the rest is for normalizers and templates that add text. */
const TOKENS_PER_BYTE = 4;
const SHOWN = 10;

/** Counts the tokens of a prompt; of one that is far below `enough`, it says 0 at once. */
function counter({ encode }: PromptEncoder) {
  const frame = encode('a').length;
  const counts = new Map<string, number>();
  return (prompt: string, enough: number, system = ''): number => {
    const bytes = Buffer.byteLength(prompt) + Buffer.byteLength(system);
    if (TOKENS_PER_BYTE * bytes + frame < enough) return 0;
    const key = JSON.stringify([prompt, system]);
    const count = counts.get(key) ?? encode(prompt, system || undefined).length;
    counts.set(key, count);
    return count;
  };
}

function listOf(long: (readonly [name: string, tokens: number])[]): string {
  const lines = long.slice(0, SHOWN).map(([name, tokens]) => `\n  row ${name}: ${tokens} tokens`);
  const more = long.length - SHOWN;
  return `${lines.join('')}${more > 0 ? `\n  and ${more} more` : ''}`;
}
