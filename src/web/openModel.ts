import { fetchTensors, modelOf } from '../../models/architectures';
import type { BackendInfo } from '../backend/info';
import { ModelConfig } from '../checkpoint/configJson';
import { markedParts, SMALL_FILES } from '../hub/modelFiles';
import { type LanguageModel, languageModel } from '../language/languageModel';
import type { TextFiles } from '../text/textFiles';
import { openTokenizer } from '../text/tokenizer';
import { InputError } from '../util/errors';
import { sha256 } from '../util/sha256';
import { type ByteSource, held } from './files/byteSource';
import type { SourceFolder } from './files/sourceFolder';
import { sourceWeights } from './files/sourceWeights';

/** How much of a model has come, in bytes. */
export interface Progress {
  loaded: number;
  total: number;
}

/** Files up to this size are fetched whole: they are small, and all of them is in the model's mark. */
const SMALL = 64 * 2 ** 20;

/**
 * Opens a model as `openModel` of models/open.ts does, from files that can't be read at once.
 * @param backend the one in use
 * @throws InputError as that does
 */
export async function openModel(
  folder: SourceFolder,
  backend: BackendInfo,
  onProgress: (progress: Progress) => void,
): Promise<LanguageModel> {
  const progress = { loaded: 0, total: 0 };
  const onBytes = (count: number) => {
    progress.loaded += count;
    onProgress({ ...progress });
  };
  const read: ByteSource[] = [];
  const prepare = async (source: ByteSource) => {
    progress.total += source.size;
    onProgress({ ...progress });
    const prepared = source.size <= SMALL ? await held(source, onBytes) : source;
    read.push(prepared);
    return prepared;
  };
  const texts = await readTexts(folder, prepare);
  const config = texts.read('config.json');
  if (config === undefined) {
    throw new InputError(
      `${folder.place}: holds no config.json. A model's folder has one beside its .safetensors files.`,
    );
  }
  const tokenizer = openTokenizer(texts);
  const weights = await sourceWeights(folder, prepare);
  const checkpoint = {
    place: folder.place,
    config: ModelConfig.parse(config, folder.pathOf('config.json')),
    open: weights.open,
  };
  await fetchTensors(checkpoint, (tensors) =>
    // Of files that were fetched whole, nothing comes any more.
    weights.fetch(tensors, (count) => progress.loaded < progress.total && onBytes(count)),
  );
  const model = modelOf(checkpoint);
  const files = { name: folder.name, dir: folder.place, fingerprint: await fingerprint(read) };
  return languageModel({ files, backend, model, tokenizer });
}

async function readTexts(
  { place, pathOf, open }: SourceFolder,
  prepare: (source: ByteSource) => Promise<ByteSource>,
): Promise<TextFiles> {
  const texts = new Map<string, string>();
  for (const name of SMALL_FILES) {
    const source = await open(name);
    if (!source) continue;
    const bytes = await (await prepare(source)).read(0, source.size);
    texts.set(name, new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  }
  return { place, pathOf, read: (name) => texts.get(name) };
}

/** The mark that `fingerprintModel` (src/hub) makes of the same files. */
async function fingerprint(files: ByteSource[]): Promise<string> {
  const parts: (string | Uint8Array)[] = [];
  for (const { name, size, read } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    parts.push(`${name} ${size}`);
    for (const [from, to] of markedParts(size)) parts.push(await read(from, to - from));
  }
  return sha256(...parts).slice(0, 16);
}
