import { readDims } from '../../models';
import { type HookRow, hookTable } from '../engine/hooks';
import { findModelFolder } from '../hub/modelFolder';
import { formatTable } from '../util/table';
import { type Command, JSON_OPTION, type Options } from './command';

export const hooksCommand: Command = {
  name: 'hooks <model>',
  description: 'List the hook points of a model, with their shapes',
  options: [JSON_OPTION],
  examples: ['tiller hooks gemma-2-2b'],
  run: runHooks,
};

function runHooks([given]: string[], options: Options): number {
  const { name, dir } = findModelFolder(given);
  const dims = readDims(dir);
  const points = hookTable(dims);
  const { nLayers } = dims;
  console.log(
    options.json ? JSON.stringify({ model: name, nLayers, points }) : page(name, nLayers, points),
  );
  return 0;
}

function page(name: string, nLayers: number, points: HookRow[]): string {
  const rows = points.map((point) => [point.name, point.shape.join(', '), point.meaning]);
  return [
    `${name}: blocks.L are blocks.0 to blocks.${nLayers - 1}`,
    formatTable(['hook point', 'shape', 'value'], rows),
    'pos: the tokens of the pass; key: all tokens seen, those of the cache first.',
  ].join('\n\n');
}
