/** Files of settings: defaults, other defaults for some models, and for some values of a key. */
import * as path from 'node:path';
import { parse } from 'yaml';
import { InputError } from '../util/errors';
import { readText } from '../util/files';

/** The keys of a YAML file, and where they come from (for errors). */
export interface YamlFile {
  source: string;
  content: Record<string, unknown>;
}

/** @throws InputError for a file that is missing, or is not a map */
export function readYaml(file: string): YamlFile {
  let value: unknown;
  try {
    value = parse(readText(file, 'the config file'));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file} is not valid YAML: ${firstLine(error)}`);
  }
  if (value !== null && !isMap(value)) {
    throw new InputError(`${file} must hold "key: value" lines.`);
  }
  return { source: file, content: value ?? {} };
}

/** Of an error's message. */
export function firstLine(error: unknown) {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}

/** Not a list, not null. */
export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys of a file that hold under conditions: keys that have these values. */
export interface Section {
  source: string;
  keys: Record<string, unknown>;
  model?: string;
  when?: { key: string; value: string };
}

/** The values of all sections that hold, later ones on top. */
export function valuesIn(sections: Section[]): Map<string, { value: unknown; source: string }> {
  const collect = (holds: (section: Section) => boolean) =>
    new Map(
      sections
        .filter(holds)
        .flatMap(({ source, keys }) =>
          Object.entries(keys).map(([key, value]) => [key, { value, source }] as const),
        ),
    );
  const always = collect(({ model, when }) => model === undefined && !when);
  const own = path.basename(String(always.get('model_name')?.value));
  const ofModel = ({ model }: Section) => model === undefined || model === own;
  const withoutCases = collect((section) => ofModel(section) && !section.when);
  return collect(
    (section) =>
      ofModel(section) &&
      (!section.when || section.when.value === String(withoutCases.get(section.when.key)?.value)),
  );
}

/** The sections of a file, the more special ones last. */
export function sectionsOf({ source, content: { models, ...content } }: YamlFile): Section[] {
  const byModel = mapOf(models, source, 'models must hold "model: {key: value}" lines');
  return [
    ...casesOf(content, source),
    ...Object.entries(byModel).flatMap(([model, keys]) =>
      casesOf(keys, source).map((section) => ({ ...section, model })),
    ),
  ];
}

function casesOf({ cases, ...keys }: Record<string, unknown>, source: string): Section[] {
  const shape = 'cases must hold "key: {value: {other_key: value}}" lines';
  const special = Object.entries(mapOf(cases, source, shape)).flatMap(([key, byValue]) =>
    Object.entries(mapOf(byValue, source, shape)).map(([value, inCase]) => ({
      source,
      keys: inCase,
      when: { key, value },
    })),
  );
  return [{ source, keys }, ...special];
}

/** A map of maps; an empty one for nothing. */
function mapOf(value: unknown, source: string, shape: string): Record<string, Section['keys']> {
  if (value === undefined || value === null) return {};
  if (isMap(value) && Object.values(value).every(isMap))
    return value as Record<string, Section['keys']>;
  throw new InputError(`${source}: ${shape}.`);
}
