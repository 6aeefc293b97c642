/** The settings of a page for the command line and for the experiments. */
import type { LanguageModel } from '../language/languageModel';
import { InputError } from '../util/errors';
import { IN_CLONE, TILLER } from '../util/invocation';
import { shellWord } from '../util/shell';
import type { Shelf } from '../vectors/shelf';
import type { SteerSpec } from '../vectors/steerSpec';
import { steerText } from '../vectors/steerText';
import type { Exported, PlaygroundSettings } from './protocol';
import type { Origins } from './vectors';

export interface ExportContext {
  lm: LanguageModel;
  /** What a command line calls the model. */
  model: string;
  /** Options of the playground that `tiller generate` needs too: `['--backend', 'wasm']`. */
  words: string[];
  shelf: Shelf;
  origins: Origins;
}

const CONFIG = 'playground.yaml';

/**
 * A command line that writes the steered text of these settings, and a config of
 * experiments/custom.
 * @param settings checked ones
 * @throws InputError for an edit that has no form as `--steer`
 */
export function exportSettings(settings: PlaygroundSettings, context: ExportContext): Exported {
  const { shelf, origins } = context;
  const named = settings.steer.map((spec) => {
    const id = shelf.keyOf(spec.file)!;
    const origin = origins.get(id);
    const path = origin && origin.from !== 'pairs' ? origin.path : undefined;
    return { id, isSaved: path !== undefined, text: textOf({ ...spec, file: path ?? id }) };
  });
  const steering = named.map(({ text }) => text);
  const unsaved = named.filter(({ isSaved }) => !isSaved).map(({ id }) => id);
  return {
    command: commandOf(settings, steering, context),
    config: configOf(settings, steering, context),
    run: `${IN_CLONE} experiments/custom/evaluate.ts --config ${CONFIG}`,
    unsaved: [...new Set(unsaved)],
  };
}

function textOf(spec: SteerSpec): string {
  const text = steerText(spec);
  if (text !== undefined) return text;
  throw new InputError(
    `The edit by ${spec.file} can't be written as --steer has it: give its layer, and no layer for its vector.`,
  );
}

function commandOf(
  { prompt, system, style, maxNewTokens, temperature, topP, seed }: PlaygroundSettings,
  steering: string[],
  { model, words, shelf }: ExportContext,
): string {
  // The model knows its options from words by the dash.
  const dashed = prompt.startsWith('-');
  const option = (name: string, value: unknown) => {
    const text = String(value);
    return text.startsWith('-') ? [`--${name}=${text}`] : [`--${name}`, text];
  };
  const given = [
    ...['generate', model],
    ...(dashed ? [] : [prompt]),
    ...(system ? option('system', system) : []),
    ...(style ? option('style', style) : []),
    ...steering.flatMap((text) => option('steer', text)),
    ...(shelf.anyModel && steering.length ? ['--any-model'] : []),
    ...option('max-tokens', maxNewTokens),
    ...(temperature ? option('temperature', temperature) : []),
    ...(temperature && topP < 1 ? option('top-p', topP) : []),
    ...(temperature ? option('seed', seed) : []),
    ...words,
    ...(dashed ? ['--', prompt] : []),
  ];
  return [TILLER, ...given.map(shellWord)].join(' ');
}

function configOf(
  { prompt, system, style, maxNewTokens, temperature }: PlaygroundSettings,
  steering: string[],
  { lm, model, shelf }: ExportContext,
): string {
  const values = {
    model_name: model,
    data_path: null,
    prompts: [prompt],
    ...(system && { system }),
    // Without a chat template, experiments have another way than the model's own.
    prompt_style: style ?? lm.style,
    // In one list: they act together.
    steering: steering.length ? [steering] : 'none',
    ...(shelf.anyModel && { any_model: true }),
    max_generation_length: maxNewTokens,
    ...(lm.dtype !== 'float32' && { dtype: lm.dtype }),
  };
  // JSON is YAML, too.
  const lines = Object.entries(values).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const greedy = temperature
    ? ['# The experiments write greedily: the temperature of the page is left out.']
    : [];
  const head = [
    '# From the playground. More prompts go into "prompts", or a file of them into "data_path"; what',
    '# an answer must be, into "check", "contains", "regex" (configs/custom/evaluate.yaml).',
  ];
  return `${[...head, ...greedy, ...lines].join('\n')}\n`;
}
