import { InputError } from '../../util/errors';
import { type Options, text } from '../command';

/**
 * The layers that `--layers` names, such as `0-5,7`: given the number of a model's layers.
 * @returns undefined where the option is not given
 * @throws InputError for what is no list of layers; when called, for layers that the model lacks
 */
export function readLayers(options: Options): ((nLayers: number) => number[]) | undefined {
  const given = text(options, 'layers');
  if (given === undefined) return undefined;
  const refused = (why: string) => new InputError(`--layers is "${given}": ${why}, such as 0-5,7.`);
  const layers = given.split(',').flatMap((part) => {
    const [, first, last = first] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (first === undefined) throw refused('it must be layers and ranges of them');
    const [from, to] = [Number(first), Number(last)];
    if (to < from) throw refused(`${part.trim()} runs backwards; ranges go up`);
    if (to - from > 1000) throw refused('no model has so many layers');
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  if (new Set(layers).size < layers.length) throw refused('a layer is there twice; name each once');
  return (nLayers) => {
    const beyond = layers.find((layer) => layer >= nLayers);
    if (beyond === undefined) return layers;
    throw new InputError(`--layers has ${beyond}: the model has layers 0 to ${nLayers - 1}.`);
  };
}
