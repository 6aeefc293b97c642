/** What a page asks for, checked. */
import { checkSampling } from '../engine/sampling';
import type { LanguageModel } from '../language/languageModel';
import { checkCount, checkKeys, checkList, checkOneOf, optional, refuse } from '../util/check';
import { checkSteer } from '../vectors/steerSpec';
import type { PlaygroundSettings } from './protocol';

const KEYS: (keyof PlaygroundSettings)[] = [
  ...(['prompt', 'system', 'style', 'steer', 'maxNewTokens'] as const),
  ...(['temperature', 'topP', 'seed'] as const),
];

/**
 * Settings that come from outside.
 * @throws InputError for a key that there isn't, or a value that is none
 */
export function checkSettings(value: unknown, { model }: LanguageModel): PlaygroundSettings {
  checkKeys('settings', value, KEYS);
  const settings = value as PlaygroundSettings;
  const { prompt, system, style, steer, maxNewTokens, temperature, topP, seed } = settings;
  checkText('prompt', prompt);
  optional(system, (text) => checkText('system', text));
  optional(style, (one) => checkOneOf('style', one, ['chat', 'raw', 'qa']));
  checkList('steer', steer, 'a list of edits');
  const edits = steer.map((spec, i) => checkSteer(spec, `steer[${i}]`));
  checkCount('maxNewTokens', maxNewTokens, 1, model.config.maxPositions);
  checkSampling('settings', { temperature, topP: temperature ? topP : 1 });
  checkCount('seed', seed, -(2 ** 32), 2 ** 32);
  // Where nothing is drawn, top-p is nothing to the text.
  return { ...settings, steer: edits, topP: temperature ? topP : 1 };
}

function checkText(what: string, value: unknown): void {
  if (typeof value !== 'string') refuse(what, value, 'a text');
}
