/** The vectors of a playground, as the page hears of them. */
import { stemOf } from '../util/fileName';
import { hashOf } from '../util/hash';
import type { VectorFile } from '../vectors/files/types';
import type { PairsOfVector, VectorInfo } from './protocol';

/** Where a vector file comes from. */
export type Origin =
  | {
      from: 'file' | 'run' /** Where it lies; undefined for one that the page gave. */;
      path?: string;
    }
  | { from: 'pairs'; pairs: PairsOfVector };

/** By the name of the file on the shelf. */
export type Origins = Map<string, Origin>;

/** The same for the same name, pairs and method: so a page finds again what its address names. */
export function idOfPairs({ name, pairs, method }: PairsOfVector): string {
  const plain = name.trim().replace(/[^\p{L}\p{N}_-]+/gu, '-');
  return `${plain}-${hashOf([name, pairs, method])}.safetensors`;
}

/** What a vector file is called once it is given back, whatever it came as. */
export const nameAsSafetensors = (name: string): string => `${stemOf(name)}.safetensors`;

export function vectorInfo(
  id: string,
  { directions, layers, settings = {} }: VectorFile,
  origin: Origin = { from: 'file' },
): VectorInfo {
  const order = [...layers.keys()].sort((a, b) => layers[a] - layers[b]);
  const norms = [...directions].map(([name, { norm }]) => [name, order.map((at) => norm[at])]);
  return {
    id,
    from: origin.from,
    names: [...directions.keys()],
    layers: order.map((at) => layers[at]),
    norms: Object.fromEntries(norms),
    settings,
    ...(origin.from === 'pairs' && { pairs: origin.pairs }),
  };
}
