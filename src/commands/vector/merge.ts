import * as fs from 'node:fs';
import { InputError } from '../../util/errors';
import { addSum, mergeVectors, type Part, selectVectors, type Term } from '../../vectors/select';
import { loadVectors, saveVectors } from '../../vectors/vectorFile';
import { type Command, type Options, required, text } from '../command';
import { refuseExisting } from '../generate/output';
import { readLayers } from './layers';

export const vectorMergeCommand: Command = {
  name: 'vector merge <...files>',
  description: 'Put the vectors of several files into one, or a weighted sum of them',
  usage: 'vector merge <files…> --out <file> [options]   (file:new-name renames its vector)',
  options: [
    ['--out <file>', 'Where they go'],
    ['--layers <list>', 'Only these layers, such as 1-5,7 (default: all)'],
    ['--sum <sum>', 'Also a vector that is a sum: both=0.5*formal+0.5*short'],
    ['--force', 'Replace the file where there is one'],
  ],
  examples: [
    'tiller vector merge lowercase.safetensors concise.safetensors --out style.safetensors',
    'tiller vector merge a.safetensors:mild b.safetensors:wild --sum both=0.5*mild+0.5*wild --out ab.safetensors',
  ],
  run: runMerge,
};

function runMerge(files: string[], options: Options): number {
  const out = required(options, 'out', 'the file that they go to');
  refuseExisting(out, Boolean(options.force));
  const layers = readLayers(options)?.(Number.POSITIVE_INFINITY);
  const parts = files.map(readPart).map(({ vectors, ...part }) => ({
    ...part,
    vectors: layers ? selectVectors(vectors, { layers }) : vectors,
  }));
  const merged = mergeVectors(parts);
  const sum = text(options, 'sum');
  const vectors = sum === undefined ? merged : addSum(out, merged, ...parseSum(sum));
  saveVectors(out, vectors);
  const names = [...vectors.directions.keys()].join(', ');
  console.log(`${out}: ${names}; layers ${vectors.layers.join(', ')}.`);
  return 0;
}

/** `file` or `file:new-name`; a file whose name has a colon counts as it is. */
function readPart(given: string): Part {
  const at = given.lastIndexOf(':');
  const renamed = at > 0 && !fs.existsSync(given) && !/[\\/.]/.test(given.slice(at + 1));
  const file = renamed ? given.slice(0, at) : given;
  const rename = renamed ? given.slice(at + 1) : undefined;
  if (rename === '') throw new InputError(`${given}: after the colon stands the new name.`);
  return { file, vectors: loadVectors(file), ...(rename && { rename }) };
}

const SUM = 'name=0.5*a+0.5*b';

/** Names may have hyphens: a minus sign is one where a number and * follow. */
function parseSum(given: string): [name: string, terms: Term[]] {
  const [, name, sum] = /^([^=]+)=(.+)$/.exec(given) ?? [];
  const terms = sum?.split(/\+|(?=-\d*\.?\d+\s*\*)/).map((term) => {
    const [, factor = '1', of] = /^\s*(?:(-?\d*\.?\d+)\s*\*)?\s*(.+?)\s*$/.exec(term) ?? [];
    return { factor: Number(factor), name: of };
  });
  if (terms?.every((term) => term.name && term.factor)) return [name.trim(), terms];
  throw new InputError(`--sum is "${given}", not a sum of vectors such as ${SUM}.`);
}
