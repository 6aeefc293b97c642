import { InputError } from '../../src/util/errors';
import { float32ToBf16, float32ToFloat16 } from '../halfFloat';
import { CHUNK, DTYPE_BITS, quote, refusal, sizeOf, type TensorData } from './dtypes';
import { isObject, MAX_HEADER_BYTES, parseMetadata } from './header';

/**
 * The bytes of a .safetensors file, part by part: the header, then tensor by tensor.
 * @param file for messages
 * @throws InputError as `writeSafetensors`, before the first part
 */
export function safetensorsParts(
  file: string,
  tensors: Record<string, TensorData>,
  metadata?: Record<string, string>,
): Iterable<Uint8Array> {
  const header = Object.entries(tensors);
  for (const [name, tensor] of header) {
    if (!isObject(tensor)) throw refusal(file, name, 'is not described by an object');
    checkTensor(file, name, tensor);
  }
  // Wide elements first, and so every tensor of whole bytes lies at a multiple of its element size.
  header.sort(([, a], [, b]) => DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype]);
  let end = 0;
  const entries = header.map(([name, { dtype, shape }]): [string, unknown] => {
    const start = end;
    end += sizeOf(dtype, shape)!;
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  if (metadata) {
    parseMetadata(file, { __metadata__: metadata });
    entries.unshift(['__metadata__', metadata]);
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw new InputError(
      `${file}: would need a header of ${length} bytes; the format ends at ${MAX_HEADER_BYTES}.`,
    );
  }
  const prefix = new Uint8Array(8 + length).fill(0x20);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(length), true);
  prefix.set(json, 8);
  return parts(prefix, header);
}

function* parts(prefix: Uint8Array, tensors: [string, TensorData][]): Generator<Uint8Array> {
  yield prefix;
  for (const [, tensor] of tensors) yield* bytesOf(tensor);
}

function checkTensor(file: string, name: string, { dtype, shape, data }: TensorData) {
  const refuse = (what: string) => refusal(file, name, what);
  if (name === '__metadata__') throw refuse('has the name that the format keeps for metadata');
  if (!Object.hasOwn(DTYPE_BITS, dtype)) throw refuse(`has the unknown dtype ${quote(dtype)}`);
  const bytes = sizeOf(dtype, shape);
  if (bytes === undefined) throw refuse(`has shape ${quote(shape)}, which is not possible`);
  const raw = data instanceof Uint8Array;
  const floats = data instanceof Float32Array && ['F32', 'F16', 'BF16'].includes(dtype);
  const integers = data instanceof Int32Array && ['I32', 'I64'].includes(dtype);
  if (!raw && !floats && !integers) {
    throw refuse(
      `is to be ${dtype}, but its data are ${data ? `a ${data.constructor.name}` : data}`,
    );
  }
  const wanted = raw ? bytes : (8 * bytes) / DTYPE_BITS[dtype];
  if (data.length !== wanted) {
    throw refuse(`has ${data.length} elements; ${dtype} of shape ${quote(shape)} has ${wanted}`);
  }
}

/** A tensor's bytes, a few MB at a time where they have to be made. */
function* bytesOf({ dtype, data }: TensorData): Generator<Uint8Array> {
  const asIs = data instanceof Uint8Array || dtype === 'F32' || dtype === 'I32';
  if (asIs) {
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return;
  }
  for (let i = 0; i < data.length; i += CHUNK) {
    const part = data.subarray(i, i + CHUNK);
    let stored: Uint16Array | Int32Array;
    if (part instanceof Float32Array) {
      stored = dtype === 'BF16' ? float32ToBf16(part) : float32ToFloat16(part);
    } else {
      stored = new Int32Array(2 * part.length);
      for (let j = 0; j < part.length; j++) {
        stored[2 * j] = part[j];
        stored[2 * j + 1] = part[j] >> 31;
      }
    }
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}
