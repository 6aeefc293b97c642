/** The ways to steer that a config asks for: edits as `--steer` has them, with their vectors. */
import type { Edit } from '../../../src/engine/steering';
import type { ModelFiles } from '../../../src/hub/fingerprint';
import { type Check, isMap, listOf, nullable } from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';
import { hashOf } from '../../../src/util/hash';
import { resolveSteer } from '../../../src/vectors/resolveSteer';
import { checkSteer, parseSteer, type SteerSpec } from '../../../src/vectors/steerSpec';
import { steerText } from '../../../src/vectors/steerText';
import { loadVectors, type VectorFile } from '../../../src/vectors/vectorFile';
import { isFile } from '../../shared/data/dataFolder';
import { inputPath } from '../../shared/data/inputPath';
import { checkFits } from '../../shared/vectors/fits';

/** What stands in place of a file for the vector that is made of `pairs_path`. */
export const PAIRS = 'pairs';

/** An edit in a config: as text, or where that can't say it as an object. */
type Written = string | SteerSpec;

/** One way to steer: edits that act together. */
export interface Way {
  name: string;
  edits: SteerSpec[];
}

/** The config key `steering`. Each edit comes out as text, where text can say it. */
export const steeringCheck = nullable(listOf(wayCheck()));

function wayCheck(): Check<Written | Written[]> {
  return {
    what: 'an edit as --steer has it, or a list of edits that act together',
    parse(value) {
      if (!Array.isArray(value)) return written(value);
      if (value.length) return value.map(written);
      throw new InputError('has an empty list of edits: steering=none is no steering');
    },
  };
}

const isThere = (file: string) => file === PAIRS || isFile(inputPath(file));

function written(value: unknown): Written {
  if (value === 'none') return value;
  if (isMap(value)) {
    const spec = checkSteer(value, 'an edit');
    return steerText(spec) ?? spec;
  }
  if (typeof value !== 'string') {
    throw new InputError(`must hold edits as --steer has them, not ${JSON.stringify(value)}`);
  }
  if (value.split('(').length !== value.split(')').length) {
    throw new InputError(
      `has "${value}", with a bracket that has no other: write edits with commas in quotes, such as ` +
        `'steering=["v.safetensors@4:clamp(1,2)"]'`,
    );
  }
  return steerText(parseSteer(value, isThere)) ?? value;
}

/**
 * The ways of a config, each once; `none`, which is always run, is not among them.
 * @throws InputError where none is given
 */
export function waysOf(steering: (Written | Written[])[] | null): Way[] {
  if (steering === null) {
    throw new InputError(
      'Say how to steer: steering=[v.safetensors@4*1.5x:add:last], a list of edits as --steer has ' +
        'them (docs/steering.md). steering=none asks without steering alone.',
    );
  }
  const ways = steering.map((way) => [way].flat().filter((one) => one !== 'none'));
  const named = ways.filter(({ length }) => length).map((edits) => [nameOf(edits), edits] as const);
  return [...new Map(named)].map(([name, edits]) => {
    return { name, edits: edits.map(specOf) };
  });
}

const nameOf = (edits: Written[]) =>
  edits.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' + ');

const specOf = (one: Written): SteerSpec =>
  typeof one === 'string' ? parseSteer(one, isThere) : one;

/** Vectors by the file names of edits. */
export type OpenVectors = Map<string, VectorFile>;

/**
 * Opens the files that edits name, but for the vector of pairs.
 * @throws InputError for one that can't be read, or does not fit the model
 */
export function openVectors(ways: Way[], model: ModelFiles, anyModel: boolean): OpenVectors {
  const files = new Set(ways.flatMap(({ edits }) => edits.map(({ file }) => file)));
  files.delete(PAIRS);
  return new Map(
    [...files].map((file) => {
      const vectors = loadVectors(inputPath(file));
      checkFits(vectors, model, { file, anyModel, option: 'any_model=true' });
      return [file, vectors];
    }),
  );
}

/** All edits of ways whose vectors are open. @throws InputError as `resolveSteer` */
export function resolveWays(ways: Way[], open: OpenVectors): Map<SteerSpec, Edit> {
  const specs = ways.flatMap(({ edits }) => edits).filter(({ file }) => open.has(file));
  return new Map(specs.map((spec) => [spec, resolveSteer(spec, open.get(spec.file)!)]));
}

/** A mark of all numbers of the edits: other vectors or settings in the same files have another. */
export const markOf = (edits: Map<SteerSpec, Edit>) => hashOf([...edits.values()]);
