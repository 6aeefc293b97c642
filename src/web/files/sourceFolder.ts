/** A checkpoint's files, wherever they lie. */
import { InputError } from '../../util/errors';
import { type ByteSource, blobSource } from './byteSource';
import { urlSource } from './urlSource';

export interface SourceFolder {
  /** What the model is called. */
  name: string;
  /** What to call where the files lie, in messages. */
  place: string;
  /** What to call a file, in messages. */
  pathOf(name: string): string;
  /** Undefined where there is no such file. @throws InputError where it can't be reached */
  open(name: string): Promise<ByteSource | undefined>;
}

/**
 * The files behind a URL, as on the Hub: `<base>config.json`.
 * @param base with a slash at its end
 * @param files those that there are; without it, each is asked for
 */
export function urlFolder(base: string, files?: string[]): SourceFolder {
  const pathOf = (name: string) => new URL(encodeURIComponent(name), base).href;
  return {
    name: nameOf(base),
    place: base,
    pathOf,
    open: async (name) =>
      files && !files.includes(name) ? undefined : urlSource(name, pathOf(name)),
  };
}

/** `org/name` of a URL of the Hub; else the last part of the path, or the server's name. */
function nameOf(base: string): string {
  const { pathname, host } = new URL(base);
  const repository = /^\/([^/]+\/[^/]+)\/resolve\//.exec(pathname)?.[1];
  return repository ?? (decodeURIComponent(pathname.split('/').at(-2)!) || host);
}

/** What is used of a `File`. */
export interface PickedFile extends Blob {
  readonly name: string;
  readonly webkitRelativePath?: string;
}

/**
 * The files of a folder that was picked: those beside the outermost config.json.
 * @throws InputError where none of them is a config.json
 */
export function pickedFolder(files: PickedFile[]): SourceFolder {
  const pathOf = (file: PickedFile) => file.webkitRelativePath || file.name;
  const depth = (file: PickedFile) => pathOf(file).split('/').length;
  const [config] = files
    .filter(({ name }) => name === 'config.json')
    .sort((a, b) => depth(a) - depth(b));
  if (!config) {
    throw new InputError(
      "There is no config.json among these files. Pick a model's folder: one that holds config.json, tokenizer.json and .safetensors files.",
    );
  }
  const inside = pathOf(config).slice(0, -config.name.length);
  const byName = new Map(files.map((file) => [pathOf(file), file]));
  return {
    name: inside.split('/').at(-2) ?? 'picked files',
    place: inside.replace(/\/$/, '') || 'the picked files',
    pathOf: (name) => inside + name,
    async open(name) {
      const file = byName.get(inside + name);
      return file && blobSource(name, file);
    },
  };
}
