import { isMap } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';

/** Each instruction's layer, by id; null: no steering is best. */
export type Layers = ReadonlyMap<string, number | null>;

/**
 * The layers for prompts without the instruction and for those with it; where one choice serves both,
 * it is the same object.
 */
export interface SelectedLayers {
  without: Layers;
  with: Layers;
}

/**
 * @param choices what each has for an instruction: one for all prompts, or one for those without the
 *   instruction and one for those with it
 */
export function selectLayers(
  ids: string[],
  choices: ((id: string) => number | null | undefined)[],
): SelectedLayers {
  const [first, second = first] = choices.map(
    (layerOf): Layers => new Map(ids.map((id) => [id, layerOf(id) ?? null])),
  );
  return { without: first, with: second };
}

/** As files and summaries have it: `{id: layer}`, or `{without: {id: layer}, with: {id: layer}}`. */
export function selectedToJson(selected: SelectedLayers): Record<string, unknown> {
  if (selected.without === selected.with) return Object.fromEntries(selected.with);
  return {
    without: Object.fromEntries(selected.without),
    with: Object.fromEntries(selected.with),
  };
}

/**
 * @param text JSON of `selectedToJson`
 * @param layers those that the file holds vectors of
 * @throws InputError for layers that the file does not hold, or that are no layers
 */
export function parseSelected(file: string, text: string, layers: number[]): SelectedLayers {
  const damaged = () =>
    new InputError(`${file} is damaged: its layers are ${text}. Run precompute_ivs again.`);
  const layersOf = (value: unknown): Layers => {
    if (!isMap(value)) throw damaged();
    const entries = Object.entries(value);
    const sound = ([, layer]: [string, unknown]) =>
      layer === null || layers.includes(layer as number);
    if (entries.every(sound)) return new Map(entries as [string, number | null][]);
    throw damaged();
  };
  const selected = parseJson(text);
  if (!isMap(selected)) throw damaged();
  // Ids of instructions have a colon.
  if ('without' in selected || 'with' in selected) {
    return { without: layersOf(selected.without), with: layersOf(selected.with) };
  }
  const forAll = layersOf(selected);
  return { without: forAll, with: forAll };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
