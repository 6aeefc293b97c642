/** Edits as commands take them: `--steer`, and `--any-model`. */
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { isFile } from '../util/files';
import { checkVectorsFit, resolveSteer } from '../vectors/resolveSteer';
import { parseSteer, STEER_FORM, type SteerSpec } from '../vectors/steerSpec';
import { loadVectors, type VectorFile } from '../vectors/vectorFile';
import { list, type Options } from './command';

export const STEER_OPTIONS = [
  ['--steer <edit...>', 'Steer by a vector file, in the form above; may be given several times'],
  ['--any-model', 'Take vectors of another model too, where width and layers fit'],
] as const;

/** For --help: how an edit is written. */
export const STEER_HELP = `
  --steer takes ${STEER_FORM}, such as
    lowercase.safetensors@4*1.5x        at layer 4, one and a half times the vector
    v.safetensors:shout@4*-2:last       the vector "shout" at the last prompt token
    v.safetensors@4:project             h·u as it is with the instruction
    v.safetensors:ablate                where "vector search" found it to work
  Weights are numbers, or multiples of the vector's norm (1.5x). Kinds are add (the default),
  project or project(target), ablate, clamp or clamp(min,max) and rotate(degrees); positions are
  all (the default), prompt, last and generated. :when(probe@layer>number) lets an edit act only
  where that vector of the file says so (docs/steering.md).`;

/** An edit that is asked for, with the file of its vector. */
export interface WantedEdit {
  spec: SteerSpec;
  vectors: VectorFile;
}

/**
 * The edits that `--steer` asks for, and their vectors: before a model is loaded for them.
 * @throws InputError for what can't be read
 */
export function openSteering(options: Options): WantedEdit[] {
  const files = new Map<string, VectorFile>();
  return list(options, 'steer').map((given) => {
    const spec = parseSteer(given, isFile);
    const vectors = files.get(spec.file) ?? loadVectors(spec.file);
    files.set(spec.file, vectors);
    return { spec, vectors };
  });
}

/** The edits in numbers. @throws InputError for vectors that do not fit the model */
export function editsFor(wanted: WantedEdit[], lm: LanguageModel, options: Options): Edit[] {
  const anyModel = Boolean(options['any-model']);
  return wanted.map(({ spec, vectors }) => {
    checkVectorsFit(vectors, lm, { file: spec.file, anyModel });
    return resolveSteer(spec, vectors);
  });
}
