/** numpy's .npy format (numpy.lib.format), versions 1 to 3: arrays of floats, and single texts. */
import { joined } from '../../util/bytes';
import { ByteReader, FLOAT_TYPES, type FloatType } from './byteReader';
import type { NumberArray } from './schema';

const MAGIC = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'));
/** The numbers begin at a multiple of it. */
const ALIGNMENT = 64;

const FLOATS: Record<string, FloatType> = {
  f2: FLOAT_TYPES.F16,
  f4: FLOAT_TYPES.F32,
  f8: FLOAT_TYPES.F64,
};

/**
 * An array of float16, float32 or float64 (rounded to float32), of either byte order and, up to two
 * axes, either order of axes; or a text.
 * @param what for messages: the file, and the array in it
 * @throws InputError for other arrays, and for what is cut off or too long
 */
export function readNpy(what: string, given: Uint8Array): NumberArray | string {
  const from = new ByteReader(what, given);
  const { descr, fortran, shape } = readHeader(from);
  const count = shape.reduce((product, axis) => product * axis, 1);
  const [, order, type] = /^([<>|=])(.+)$/.exec(descr) ?? [];
  const isText = /^U\d+$/.test(type ?? '');
  const floats = Object.hasOwn(FLOATS, type ?? '') ? FLOATS[type] : undefined;
  if (!floats && !(isText && count === 1)) {
    const kind = type === 'O' ? 'Python objects (pickled)' : `numbers of type ${descr}`;
    from.refuse(`it holds ${kind}; only float16, float32 and float64 are read`);
  }
  const size = isText ? 4 * Number(type.slice(1)) : count * floats!.size;
  const bytes = from.take(size, 'its numbers');
  if (from.position < given.length) from.refuse('there is more than its numbers');
  if (order === '>') swap(new Uint8Array(bytes), isText ? 4 : floats!.size);
  if (isText) return textOf(bytes);
  const data = new Float32Array(count);
  floats!.read(bytes, data);
  if (!fortran || shape.length < 2) return { shape, data };
  if (shape.length > 2) from.refuse(`it has ${shape.length} axes in Fortran order; two are read`);
  return { shape, data: transposed(data, shape) };
}

function readHeader(from: ByteReader): { descr: string; fortran: boolean; shape: number[] } {
  const start = from.skip(8, 'its first bytes');
  const version = from.bytes[6];
  if (!MAGIC.every((byte, i) => from.bytes[start + i] === byte) || version < 1 || version > 3) {
    from.refuse('it is no .npy array of version 1 to 3', 0);
  }
  const length = version === 1 ? from.u16('its header') : from.u32('its header');
  const at = from.skip(length, 'its header');
  const header = new TextDecoder('latin1').decode(from.bytes.subarray(at, at + length));
  const value = (key: string, pattern: string) =>
    new RegExp(`'${key}': *${pattern}`).exec(header)?.[1];
  const descr = value('descr', "'([^']*)'");
  const fortran = value('fortran_order', '(True|False)');
  const shape = value('shape', '\\(([\\d, ]*)\\)');
  if (descr === undefined || fortran === undefined || shape === undefined) {
    from.refuse(`its header is ${JSON.stringify(header.trim().slice(0, 80))}`, at);
  }
  const axes = shape.split(',').flatMap((axis) => (axis.trim() ? [Number(axis)] : []));
  return { descr, fortran: fortran === 'True', shape: axes };
}

/** Numbers of `size` bytes from one byte order to the other. */
function swap(bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

/** numpy's texts: four bytes a character, filled up with zeros. */
function textOf(bytes: ArrayBuffer): string {
  const points = [...new Uint32Array(bytes)];
  while (points.at(-1) === 0) points.pop();
  return points.map((point) => String.fromCodePoint(Math.min(point, 0x10ffff))).join('');
}

/** Of shape [rows, columns], stored column by column. */
function transposed(data: Float32Array, [rows, columns]: number[]): Float32Array {
  return data.map((_, i) => data[(i % columns) * rows + Math.floor(i / columns)]);
}

/** The bytes of a .npy array of float32, or of one text. */
export function npyBytes(value: NumberArray | string): Uint8Array {
  if (typeof value === 'string') {
    const points = Uint32Array.from(value, (character) => character.codePointAt(0)!);
    return npy(`<U${points.length}`, [], new Uint8Array(points.buffer));
  }
  const { buffer, byteOffset, byteLength } = value.data;
  return npy('<f4', value.shape, new Uint8Array(buffer, byteOffset, byteLength));
}

function npy(descr: string, shape: number[], bytes: Uint8Array): Uint8Array {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${axes}), }`;
  const before = MAGIC.length + 4;
  const length = Math.ceil((before + text.length + 1) / ALIGNMENT) * ALIGNMENT - before;
  const head = Uint8Array.of(...MAGIC, 1, 0, length & 255, length >> 8);
  return joined([head, new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), bytes]);
}
