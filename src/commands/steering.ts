/** Edits as commands take them: `--steer`, and `--any-model`. */
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { checkVectorsFit, resolveSteer } from '../vectors/resolveSteer';
import { parseSteer, STEER_FORM, type SteerSpec } from '../vectors/steerSpec';
import { loadVectors, type VectorFile } from '../vectors/vectorFile';
import { list, type Options } from './command';

export const STEER_OPTIONS = [
  [
    '--steer <edit...>',
    `Steer by ${STEER_FORM}; may be given several times. Weights are numbers or 1.5x, kinds add ` +
      '(default), project, ablate, clamp(min,max), rotate(degrees), positions all (default), prompt, ' +
      'last, generated. A file whose setting was searched needs no layer.',
  ],
  ['--any-model', 'Take vectors of another model too, where width and layers fit'],
] as const;

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
    const spec = parseSteer(given);
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
