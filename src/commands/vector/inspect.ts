import { openModel } from '../../../models/open';
import { findModelFolder } from '../../hub/modelFolder';
import type { LanguageModel } from '../../language/languageModel';
import { fixed, formatTable, percent, showTable, tableOf, wrap } from '../../util/table';
import { checkVectorsFit } from '../../vectors/fit';
import {
  cosinesAt,
  type InspectedVector,
  inspectVectors,
  type LayerMeasures,
  labelled,
} from '../../vectors/inspectVectors';
import { indexOfLayer } from '../../vectors/lookUp';
import { loadVectors, type VectorFile } from '../../vectors/vectorFile';
import { type Projection, project, type TokenScore } from '../../vectors/vocabulary';
import { BACKEND_OPTION, type Command, count, JSON_OPTION, type Options, text } from '../command';
import { readLayers } from './layers';

export const vectorInspectCommand: Command = {
  name: 'vector inspect <...files>',
  description: 'Show what vector files hold: norms, cosines, settings, the nearest tokens',
  options: [
    ['--layers <list>', 'Of these layers, such as 0-5,7 (default: all; cosines and tokens: one)'],
    ['--model <model>', 'Also the tokens at either end of each vector, by the unembedding'],
    ['--tokens <n>', 'With --model: how many at either end (default: 8)'],
    ['--any-model', 'With --model: take vectors of another model, where width and layers fit'],
    JSON_OPTION,
    BACKEND_OPTION,
  ],
  examples: [
    'tiller vector inspect lowercase.safetensors',
    'tiller vector inspect lowercase.safetensors concise.gguf --layers 3 --model tiny-gemma2',
  ],
  run: runInspect,
};

/** A vector file that was read. */
interface Opened {
  file: string;
  vectors: VectorFile;
}

/** The tokens at the ends of a vector, at a layer. */
interface Ends extends Projection {
  file: string;
  name: string;
  layer: number;
}

async function runInspect(given: string[], options: Options): Promise<number> {
  const layers = readLayers(options)?.(Number.POSITIVE_INFINITY);
  const tokens = count(options, 'tokens', 8);
  const model = text(options, 'model');
  if (model !== undefined) findModelFolder(model);
  const files = given.map((file) => ({ file, vectors: loadVectors(file) }));
  for (const { vectors } of files) {
    for (const layer of layers ?? []) indexOfLayer(vectors.layers, layer);
  }
  const all = files.flatMap(({ file, vectors }) => inspectVectors(file, vectors));
  const shown = all.map((vector) => ({
    ...vector,
    layers: vector.layers.filter(({ layer }) => !layers || layers.includes(layer)),
  }));
  const compared = labelled(files);
  const compareAt = layers ?? (options.json ? layersOf(files) : [layerFor(all[0])]);
  const cosines = compareAt.map((layer) => ({ layer, cosines: cosinesAt(layer, compared) }));
  const ends =
    model === undefined ? undefined : await endsOf(model, { files, all, layers, tokens, options });
  const names = compared.map(({ label }) => label);
  console.log(
    options.json
      ? JSON.stringify({ vectors: shown, names, cosines, ...(ends && { tokens: ends }) })
      : [
          ...shown.map(describe),
          ...(names.length > 1 ? cosines.map((at) => cosineTable(names, at)) : []),
          ...(ends ?? []).map(describeEnds),
        ].join('\n\n'),
  );
  return 0;
}

const layersOf = (files: Opened[]) =>
  [...new Set(files.flatMap(({ vectors }) => vectors.layers))].sort((a, b) => a - b);

/** Where a vector acts, else the middle of its layers. */
const layerFor = ({ setting, layers }: InspectedVector) =>
  setting?.layer ?? layers[layers.length >> 1].layer;

interface Wanted {
  files: Opened[];
  all: InspectedVector[];
  layers?: number[];
  tokens: number;
  options: Options;
}

async function endsOf(model: string, { files, all, layers, tokens, options }: Wanted) {
  const lm = await openModel(model, { backend: text(options, 'backend') });
  try {
    const anyModel = Boolean(options['any-model']);
    for (const { file, vectors } of files) checkVectorsFit(vectors, lm, { file, anyModel });
    const places = all.flatMap((vector) =>
      (layers ?? [layerFor(vector)]).map((layer) => ({ ...vector, layer })),
    );
    return await projected(lm, files, places, tokens);
  } finally {
    lm.dispose();
  }
}

async function projected(
  { model, tokenizer }: LanguageModel,
  files: Opened[],
  places: { file: string; name: string; layer: number }[],
  tokens: number,
): Promise<Ends[]> {
  const units = places.map(({ file, name, layer }) => {
    const { directions, layers } = files.find((one) => one.file === file)!.vectors;
    return directions.get(name)!.unit[indexOfLayer(layers, layer)];
  });
  const found = await project(model, tokenizer, units, tokens);
  return places.map(({ file, name, layer }, i) => ({ file, name, layer, ...found[i] }));
}

function describe(vector: InspectedVector): string {
  const { file, name, method, model, width, setting, found, layers } = vector;
  const says = [
    model === null ? 'of an unknown model' : `of ${model}`,
    `${width} numbers`,
    ...(method === null ? [] : [`method ${method}`]),
  ];
  const columns = [
    { name: 'layer', cell: ({ layer }: LayerMeasures) => layer },
    { name: 'norm', cell: ({ norm }: LayerMeasures) => fixed(norm) },
    { name: 'h·u with', cell: (row: LayerMeasures) => fixed(row.with) },
    { name: 'h·u without', cell: (row: LayerMeasures) => fixed(row.without) },
  ];
  const hasMeans = layers.some((row) => row.with !== null);
  const parts = Object.entries(setting ?? {}).map(([key, value]) => `${key} ${show(value)}`);
  const outcome = found
    ? ` (${percent(found.obeyed)} obeyed, median perplexity ${fixed(found.perplexity) ?? '–'})`
    : '';
  return [
    ...wrap(`"${name}" of ${file}: ${says.join(', ')}`),
    ...wrap(setting ? `Setting: ${parts.join(', ')}${outcome}` : 'Setting: none was searched'),
    showTable(tableOf(hasMeans ? columns : columns.slice(0, 2), layers)),
    ...(hasMeans ? [] : ['Without the mean activations of pairs.']),
  ].join('\n');
}

const show = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : `${value}`);

function cosineTable(names: string[], at: { layer: number; cosines: (number | null)[][] }): string {
  const numbers = names.map((_, i) => `${i + 1}`);
  const rows = names.map((name, i) => [`${i + 1} ${name}`, ...at.cosines[i].map((x) => fixed(x))]);
  return `Cosines at layer ${at.layer}\n${formatTable(['', ...numbers], rows)}`;
}

function describeEnds({ name, layer, top, bottom }: Ends): string {
  // A token and its score stay on one line: their spaces are none to wrap at.
  const list = (tokens: TokenScore[]) =>
    tokens.map(({ text, score }) =>
      `${JSON.stringify(text)} ${fixed(score)}`.replaceAll(' ', '\0'),
    );
  const lines = (what: string, tokens: TokenScore[]) =>
    wrap(`${what}: ${list(tokens).join(', ')}`).map((line) => line.replaceAll('\0', ' '));
  return [
    `Tokens that "${name}" points to at layer ${layer} (unit · unembedding)`,
    ...lines('towards', top),
    ...lines('away', bottom),
  ].join('\n');
}
