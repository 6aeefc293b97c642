/**
 * Which edits a request gets. Vectors are those that the server was started with, by name, or come
 * inline as numbers.
 */
import { readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { checkEdits } from '../engine/edit';
import type { Edit } from '../engine/steering';
import { show } from '../util/check';
import { InputError } from '../util/errors';
import { resolveSteer } from '../vectors/resolveSteer';
import { Shelf } from '../vectors/shelf';
import { checkSteer, type SteerSpec } from '../vectors/steerSpec';
import { loadVectors, type VectorFile } from '../vectors/vectorFile';
import { blaming } from './errors';
import type { Fields, Json } from './fields';

/** The vector files that requests may name: by the file's name, or by that up to its last dot. */
export class VectorShelf extends Shelf {
  /**
   * Adds the vector files of a folder. A request that names one that can't be used is told why.
   * @returns the files that can't be used, and why
   */
  addFolder(folder: string): { file: string; reason: string }[] {
    const leftOut: { file: string; reason: string }[] = [];
    for (const name of readdirSync(folder).sort()) {
      if (!VECTOR_FILES.includes(extname(name)) || this.has(name)) continue;
      try {
        this.add(name, loadVectors(join(folder, name)));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        this.leaveOut(name, error.message);
        leftOut.push({ file: name, reason: error.message });
      }
    }
    return leftOut;
  }

  /** An edit as JSON: the fields of --steer, with `vector` for the file, or the numbers of one. */
  private fromJson(what: string, value: Json): Edit {
    const { vector, ...rest } = value;
    if (typeof vector === 'string') {
      return this.resolve(checkSteer({ file: vector, ...rest }, what));
    }
    const spec = checkSteer({ file: 'vector', ...rest }, what);
    return resolveSteer(spec, inlineVector(`${what}: vector`, vector, spec));
  }

  /**
   * The field `steering`: an edit or a list of them, each as text or object.
   * @returns undefined where the request has none
   */
  editsOf(fields: Fields): Edit[] | undefined {
    const given = fields.get('steering');
    if (given === undefined) return undefined;
    return blaming('steering', () => {
      const edits = [given].flat().map((one: unknown, i) => {
        const what = Array.isArray(given) ? `steering[${i}]` : 'steering';
        if (typeof one === 'string') return this.fromText(one);
        if (typeof one === 'object' && one && !Array.isArray(one)) {
          return this.fromJson(what, one as Json);
        }
        throw new InputError(
          `${what} is ${show(one)}, not an edit such as {"vector": "lowercase", "layer": 3, "weight": "1x"}.`,
        );
      });
      checkEdits('steering', [edits], this.lm.model.config);
      return edits;
    });
  }
}

const VECTOR_FILES = ['.safetensors', '.gguf', '.npz'];

/** Numbers as a vector file of one layer, so that weights mean the same as for a file. */
function inlineVector(what: string, value: unknown, { layer, name }: SteerSpec): VectorFile {
  if (!Array.isArray(value) || !value.every(Number.isFinite)) {
    throw new InputError(`${what} is ${show(value)}, not the name of one, or its numbers.`);
  }
  if (layer === undefined) throw new InputError(`${what}: numbers need a layer beside them.`);
  if (name !== undefined) throw new InputError(`${what}: a name is for vectors by name.`);
  const norm = Math.hypot(...value);
  if (!norm) throw new InputError(`${what} is all zeros.`);
  const unit = Float32Array.from(value, (x) => x / norm);
  const direction = { unit: [unit], norm: Float32Array.of(norm) };
  return { directions: new Map([['vector', direction]]), layers: [layer], provenance: {} };
}
