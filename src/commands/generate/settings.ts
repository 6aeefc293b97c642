/** The options of `generate` beside its prompts and edits. */
import type { PromptStyle } from '../../text/tokenizer';
import { didYouMean, InputError } from '../../util/errors';
import { count, list, number, type Options, text } from '../command';

export interface Settings {
  style?: PromptStyle;
  system?: string;
  maxNewTokens: number;
  temperature: number;
  topP: number;
  seed: number;
  /** Samples of each prompt. */
  samples: number;
  compare: boolean;
  trace: boolean;
}

/** @throws InputError for a value that is none, and for options that mean nothing together */
export function readSettings(options: Options): Settings {
  const settings = {
    style: promptStyle(options),
    system: text(options, 'system'),
    maxNewTokens: count(options, 'max-tokens', 256),
    temperature: number(options, 'temperature', 0, 'a number from 0', (x) => x >= 0),
    topP: number(options, 'top-p', 1, 'a number above 0, at most 1', (x) => x > 0 && x <= 1),
    seed: number(options, 'seed', 0, 'a whole number', Number.isSafeInteger),
    samples: count(options, 'n', 1),
    compare: Boolean(options.compare),
    trace: Boolean(options.trace),
  };
  if (settings.samples > 1 && !settings.temperature) {
    throw new InputError(
      '--n asks for several samples; at --temperature 0 they would be the same.',
    );
  }
  for (const option of ['compare', 'trace'] as const) {
    if (!settings[option] || list(options, 'steer').length) continue;
    throw new InputError(`--${option} is of steering: give --steer, too.`);
  }
  return settings;
}

const STYLES = ['chat', 'raw', 'qa'];

/** @throws InputError for a style that there isn't */
export function promptStyle(options: Options): PromptStyle | undefined {
  const style = text(options, 'style');
  if (style === undefined || STYLES.includes(style)) return style as PromptStyle | undefined;
  throw new InputError(`--style is "${style}", not chat, raw or qa.${didYouMean(style, STYLES)}`);
}
