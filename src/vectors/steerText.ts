import { InputError } from '../util/errors';
import type { SettingCondition } from './setting';
import { parseSteer, type SteerSpec } from './steerSpec';
import { IN_BRACKETS } from './steerWords';

/**
 * An edit as people write it: `parseSteer` reads the same from it.
 * @returns undefined for what that form can't say: a `source`, a weight without a layer, a name with
 *   signs of the form
 */
export function steerText(spec: SteerSpec): string | undefined {
  const { file, name, layer, weight, kind, positions, when } = spec;
  const values = kind ? IN_BRACKETS[kind].map((key) => spec[key] ?? '') : [];
  const inside = values.join(',').replace(/,+$/, '');
  const words = [
    kind && (inside ? `${kind}(${inside})` : kind),
    positions,
    when && `when(${conditionText(when)})`,
  ];
  const place = layer === undefined ? '' : `@${layer}${weight === undefined ? '' : `*${weight}`}`;
  const text =
    [file, name].filter((part) => part !== undefined).join(':') +
    place +
    words.map((word) => (word ? `:${word}` : '')).join('');
  return reads(text, spec) ? text : undefined;
}

function conditionText({ name = '', layer, above, below, of, at }: SettingCondition): string {
  const threshold = above !== undefined ? `>${above}` : below !== undefined ? `<${below}` : '';
  const flags = [of === 'cosine' && ',cosine', at === 'prompt' && ',prompt'];
  const place = layer === undefined ? '' : `@${layer}`;
  return `${name}${place}${threshold}${flags.filter(Boolean).join('')}`;
}

/** Whether the text says all of it. */
function reads(text: string, spec: SteerSpec): boolean {
  try {
    return inOrder(parseSteer(text, (file) => file === spec.file)) === inOrder(spec);
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** As JSON, keys in one order, without what is undefined. */
const inOrder = (value: unknown): string =>
  JSON.stringify(value, (_, one) =>
    typeof one === 'object' && one !== null ? Object.fromEntries(Object.entries(one).sort()) : one,
  );
