/** The vectors of one model that edits may name: those of a server, or of a page. */
import type { Edit } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import { didYouMean, InputError } from '../util/errors';
import { stemOf } from '../util/fileName';
import type { VectorFile } from './files/types';
import { checkVectorsFit } from './fit';
import { resolveSteer } from './resolveSteer';
import { parseSteer, type SteerSpec } from './steerSpec';

/** Vector files by the file's name; edits may leave out what follows its last dot. */
export class Shelf {
  /** A text says why a file can't be used. */
  private readonly files = new Map<string, VectorFile | string>();

  constructor(
    protected readonly lm: LanguageModel,
    /** Vectors of another model will do, as long as their width and layers fit. */
    readonly anyModel = false,
  ) {}

  /**
   * @param file its name, or where it lies
   * @throws InputError for vectors that do not fit the model, or another file of that name
   */
  add(file: string, vectors: VectorFile): void {
    const name = fileName(file);
    if (this.files.get(name) === vectors) return;
    if (this.files.has(name)) throw new InputError(`There are two vector files ${name}.`);
    checkVectorsFit(vectors, this.lm, { file, anyModel: this.anyModel });
    this.files.set(name, vectors);
  }

  /** Remembers why a file can't be used, for edits that name it. */
  leaveOut(file: string, reason: string): void {
    this.files.set(fileName(file), reason);
  }

  /** Whether there is a file of exactly this name, be it one that can't be used. */
  has(name: string): boolean {
    return this.files.has(name);
  }

  names(): string[] {
    return [...this.files.keys()].filter((name) => typeof this.files.get(name) !== 'string').sort();
  }

  /** What each file holds. */
  list() {
    return this.names().map((file) => {
      const { directions, layers, settings = {}, provenance } = this.get(file);
      const { model = null } = provenance;
      const names = [...directions.keys()];
      return { id: stemOf(file), object: 'vectors', file, names, layers, settings, model };
    });
  }

  /** @throws InputError for a name that is not there, or that two files have */
  get(name: string): VectorFile {
    const found = this.files.get(this.keyOf(name) ?? '');
    if (typeof found === 'object') return found;
    if (found) throw new InputError(`${name} can't be used: ${found}`);
    const names = this.names().map(stemOf);
    const there = names.length ? `there are ${names.join(', ')}` : 'none were given (--vectors)';
    throw new InputError(
      `This server has no vectors "${name}" (${there}).${didYouMean(name, names)}`,
    );
  }

  /** The whole name of a file. @throws InputError for one that two files have */
  keyOf(name: string): string | undefined {
    if (this.files.has(name)) return name;
    const named = [...this.files.keys()].filter((file) => stemOf(file) === name);
    if (named.length < 2) return named[0];
    throw new InputError(`"${name}" could be ${named.join(' or ')}: give the whole name.`);
  }

  /** The edit that a spec asks for, in numbers. @throws InputError as `resolveSteer` */
  resolve(spec: SteerSpec): Edit {
    return resolveSteer(spec, this.get(spec.file));
  }

  /** `lowercase@3*1x`, as --steer has it. */
  fromText(text: string): Edit {
    return this.resolve(parseSteer(text, (name) => this.keyOf(name) !== undefined));
  }
}

const fileName = (file: string) => file.split(/[\\/]/).at(-1)!;
