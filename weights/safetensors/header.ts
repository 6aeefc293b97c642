/**
 * The header of a file, and the index of a checkpoint in shards: checked whole before anything of them
 * is believed.
 */
import { InputError } from '../../src/util/errors';
import { DTYPE_BITS, type Dtype, isCount, quote, refusal, sizeOf, type TensorInfo } from './dtypes';

/** The format's own bound on the header. */
export const MAX_HEADER_BYTES = 100_000_000;
/** Commas and brackets in a header (some 120,000 tensors): keeps what JSON.parse builds small. */
const MAX_HEADER_VALUES = 1_000_000;

type Json = Record<string, unknown>;

/** Where a tensor lies in its file. */
export interface Located {
  info: TensorInfo;
  position: number;
}

/** What a file says of itself. */
export interface Header {
  metadata: Record<string, string>;
  /** In the order in which they lie in the file. */
  tensors: Located[];
}

/**
 * How long the header is, by a file's first bytes.
 * @param bytes 8 of them, or all that there are
 * @param size bytes of the file
 * @throws InputError where that can't be
 */
export function headerLength(file: string, bytes: Uint8Array, size: number): number {
  if (bytes.length < 8) {
    throw new InputError(`${file}: ${size} bytes are too few for a safetensors file.`);
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length <= MAX_HEADER_BYTES && length <= size - 8) return length;
  throw new InputError(
    `${file}: says that its header has ${length} bytes; the file has ${size} bytes, and a header at most ${MAX_HEADER_BYTES}. It is cut off, or not safetensors.`,
  );
}

/**
 * @param bytes of the header, all of them
 * @param size bytes of the file
 * @throws InputError naming the file, and the tensor if it is about one
 */
export function parseHeader(file: string, bytes: Uint8Array, size: number): Header {
  const header = parseObject(file, 'header', bytes, 3);
  const metadata = parseMetadata(file, header);
  const start = 8 + bytes.length;
  const tensors = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseTensor(file, name, value));
  checkRanges(file, tensors, size - start);
  return {
    metadata,
    tensors: tensors.map(({ info, position }) => ({ info, position: position + start })),
  };
}

function parseObject(file: string, what: string, bytes: Uint8Array, maxDepth: number): Json {
  const refuse = (why: string) => new InputError(`${file}: its ${what} ${why}.`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refuse('is not UTF-8');
  }
  if (!text.startsWith('{')) throw refuse('is not a JSON object');
  const problem = scan(text, maxDepth);
  if (problem) throw refuse(problem);
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw refuse(`is not JSON (${quote((error as Error).message)})`);
  }
}

/**
 * What JSON.parse would not mind: a key given twice (the last would win), and nesting or numbers of
 * values that take gigabytes once parsed. JSON that is otherwise broken is left to JSON.parse.
 */
function scan(text: string, maxDepth: number): string | undefined {
  const keys = Array.from({ length: maxDepth + 1 }, () => new Set<string>());
  let depth = 0;
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[' || c === ',') {
      if (++values > MAX_HEADER_VALUES) return `has more than ${MAX_HEADER_VALUES} values`;
      if (c === ',') continue;
      if (++depth > maxDepth) return 'is nested deeper than the format is';
      keys[depth] = new Set();
    } else if (c === '}' || c === ']') {
      depth = Math.max(0, depth - 1);
    } else if (c === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (next < text.length && ' \t\n\r'.includes(text[next])) next++;
      if (text[next] !== ':') continue;
      const key = unescaped(text.slice(start, i + 1));
      if (keys[depth].has(key)) return `has the key ${quote(key)} twice`;
      keys[depth].add(key);
    }
  }
  return undefined;
}

function unescaped(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal);
  } catch {
    return literal;
  }
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `__metadata__` of a header. */
export function parseMetadata(file: string, header: Json): Record<string, string> {
  const metadata = header.__metadata__ ?? {};
  if (!isObject(metadata)) throw new InputError(`${file}: its __metadata__ is not an object.`);
  const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
  if (!wrong) return metadata as Record<string, string>;
  throw new InputError(
    `${file}: its __metadata__ has something else than text at ${quote(wrong[0])}.`,
  );
}

/** One entry of the header; its position is still counted from where the data begin. */
function parseTensor(file: string, name: string, value: unknown): Located {
  const refuse = (what: string) => refusal(file, name, what);
  if (!isObject(value)) throw refuse('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BITS, dtype)) {
    const known = Object.keys(DTYPE_BITS).join(', ');
    throw refuse(`has dtype ${quote(dtype)}; only ${known} are read`);
  }
  const byteLength = sizeOf(dtype as Dtype, shape);
  if (byteLength === undefined) throw refuse(`has shape ${quote(shape)}, which is not possible`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw refuse(`has data_offsets ${quote(offsets)}, which are not two positions`);
  }
  if (offsets[1] - offsets[0] !== byteLength) {
    throw refuse(
      `takes ${byteLength} bytes (${dtype}, shape ${quote(shape)}), but its data_offsets are ${quote(offsets)}`,
    );
  }
  const info = { name, dtype: dtype as Dtype, shape: shape as number[], byteLength, file };
  return { info, position: offsets[0] };
}

/** Sorts by position. The tensors must fill the data without overlap, gap or rest, as the format says. */
function checkRanges(file: string, tensors: Located[], dataBytes: number) {
  const end = ({ info, position }: Located) => position + info.byteLength;
  tensors.sort((a, b) => a.position - b.position || end(a) - end(b));
  let reached = 0;
  let previous = '';
  for (const tensor of tensors) {
    const { name } = tensor.info;
    if (end(tensor) > dataBytes) {
      throw refusal(
        file,
        name,
        `ends at byte ${end(tensor)} of the data, but there are only ${dataBytes}: the file is cut off, or lies`,
      );
    }
    if (tensor.position < reached) throw refusal(file, name, `overlaps tensor ${quote(previous)}`);
    if (tensor.position > reached) {
      throw refusal(file, name, `comes after ${tensor.position - reached} bytes of no tensor`);
    }
    reached = end(tensor);
    previous = name;
  }
  if (reached < dataBytes) {
    throw new InputError(`${file}: ${dataBytes - reached} bytes at its end belong to no tensor.`);
  }
}

/**
 * Tensor name → name of its shard, as model.safetensors.index.json has it.
 * @throws InputError naming it, and the tensor if it is about one
 */
export function parseIndex(index: string, bytes: Uint8Array): Map<string, string> {
  const { weight_map: map } = parseObject(index, 'text', bytes, 16);
  if (!isObject(map)) throw new InputError(`${index}: has no "weight_map".`);
  const entries = Object.entries(map);
  if (!entries.length) throw new InputError(`${index}: its "weight_map" is empty.`);
  for (const [name, shard] of entries) {
    // Plain names only: an index must not be able to point outside of its folder.
    if (typeof shard !== 'string' || /^\.{0,2}$|[/\\:\0]/.test(shard)) {
      throw refusal(
        index,
        name,
        `is said to be in ${quote(shard)}, which is not a plain file name`,
      );
    }
  }
  return new Map(entries as [string, string][]);
}

/**
 * Whether shards hold what their index says.
 * @param map what `parseIndex` found
 * @param mayDiffer names of tensors that the index may lack, or name without cause
 */
export class ShardCheck {
  private readonly found = new Set<string>();

  constructor(
    private readonly index: string,
    private readonly map: Map<string, string>,
    private readonly mayDiffer: (name: string) => boolean,
  ) {}

  /** @throws InputError for a tensor that should not stand there */
  add(shard: string, file: string, tensors: Located[]): void {
    const { index, map, found } = this;
    for (const { info } of tensors) {
      const said = map.get(info.name);
      if (said !== shard && !this.mayDiffer(info.name)) {
        const where = map.has(info.name) ? `in ${quote(said)}` : 'nowhere';
        throw refusal(file, info.name, `does not belong here: ${index} has it ${where}`);
      }
      if (found.has(info.name)) throw refusal(file, info.name, 'stands in two shards');
      found.add(info.name);
    }
  }

  /**
   * @param pathOf what to call a shard
   * @throws InputError for a tensor that stands in none
   */
  done(pathOf: (shard: string) => string): void {
    for (const [name, shard] of this.map) {
      if (!this.found.has(name) && !this.mayDiffer(name)) {
        throw refusal(pathOf(shard), name, `is missing: ${this.index} has it there`);
      }
    }
  }
}
