/**
 * Floats of 16 and 8 bits. bfloat16 is the upper half of a float32; binary16 ("F16") is IEEE 754-2019's, with
 * 5 bits of exponent and 10 of fraction. Numbers are handled as their bits throughout, for a NaN
 * that goes through a JavaScript number may come back with other bits. The two loops that stand
 * between a checkpoint and its use go eight at a time, twice as fast as one at a time in V8.
 */

/** The same memory as `floats`, seen as signed 32-bit words: V8 keeps these out of doubles. */
function bitsOf(floats: Float32Array): Int32Array {
  return new Int32Array(floats.buffer, floats.byteOffset, floats.length);
}

function checkRoom(from: ArrayLike<number>, to: ArrayLike<number>) {
  if (to.length !== from.length) {
    throw new RangeError(`The output has ${to.length} elements, the input ${from.length}.`);
  }
}

/**
 * bfloat16 → float32, exact.
 * @param from bits, [n]
 * @param to where to put the numbers, [n]; a new array when left out
 * @throws RangeError when the lengths differ
 */
export function bf16ToFloat32(
  from: Uint16Array,
  to: Float32Array = new Float32Array(from.length),
): Float32Array {
  checkRoom(from, to);
  const bits = bitsOf(to);
  const n = from.length;
  const whole = n - (n % 8);
  for (let i = 0; i < whole; i += 8) {
    bits[i] = from[i] << 16;
    bits[i + 1] = from[i + 1] << 16;
    bits[i + 2] = from[i + 2] << 16;
    bits[i + 3] = from[i + 3] << 16;
    bits[i + 4] = from[i + 4] << 16;
    bits[i + 5] = from[i + 5] << 16;
    bits[i + 6] = from[i + 6] << 16;
    bits[i + 7] = from[i + 7] << 16;
  }
  for (let i = whole; i < n; i++) bits[i] = from[i] << 16;
  return to;
}

/** float32 bits of every binary16, made at first use. */
let table: Int32Array | undefined;

function makeTable(): Int32Array {
  const values = new Float32Array(0x10000);
  const bits = bitsOf(values);
  for (let h = 0; h < 0x10000; h++) {
    const sign = (h & 0x8000) << 16;
    const exponent = (h >> 10) & 31;
    const fraction = h & 0x3ff;
    if (exponent === 0) {
      values[h] = fraction * 2 ** -24; // zero and subnormals
      bits[h] |= sign;
    } else {
      // 15 is the bias here and 127 there; infinities and NaN keep an exponent of all ones.
      bits[h] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    }
  }
  return bits;
}

/**
 * binary16 → float32, exact; NaN keeps sign and payload.
 * @param from bits, [n]
 * @param to where to put the numbers, [n]; a new array when left out
 * @throws RangeError when the lengths differ
 */
export function float16ToFloat32(
  from: Uint16Array,
  to: Float32Array = new Float32Array(from.length),
): Float32Array {
  checkRoom(from, to);
  table ??= makeTable();
  const lookup = table;
  const bits = bitsOf(to);
  const n = from.length;
  const whole = n - (n % 8);
  for (let i = 0; i < whole; i += 8) {
    bits[i] = lookup[from[i]];
    bits[i + 1] = lookup[from[i + 1]];
    bits[i + 2] = lookup[from[i + 2]];
    bits[i + 3] = lookup[from[i + 3]];
    bits[i + 4] = lookup[from[i + 4]];
    bits[i + 5] = lookup[from[i + 5]];
    bits[i + 6] = lookup[from[i + 6]];
    bits[i + 7] = lookup[from[i + 7]];
  }
  for (let i = whole; i < n; i++) bits[i] = lookup[from[i]];
  return to;
}

/**
 * The two kinds of 8-bit floats of the Open Compute Project ("OFP8", 2023): bits of exponent and
 * of fraction. E5M2 has infinities as IEEE's formats have; E4M3 has none, and NaN only where all
 * bits but the sign are ones.
 */
const FLOAT8 = { E4M3: [4, 3], E5M2: [5, 2] } as const;
export type Float8 = keyof typeof FLOAT8;

function float8Value(byte: number, kind: Float8): number {
  const [exponentBits, fractionBits] = FLOAT8[kind];
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (byte & 0x7f) >> fractionBits;
  const fraction = (byte & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const sign = byte & 0x80 ? -1 : 1;
  if (kind === 'E4M3' && (byte & 0x7f) === 0x7f) return Number.NaN;
  if (kind === 'E5M2' && exponent === 31) {
    return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  }
  return sign * (exponent ? (1 + fraction) * 2 ** (exponent - bias) : fraction * 2 ** (1 - bias));
}

const float8Tables = new Map<Float8, Float32Array>();

/**
 * 8-bit float → float32, exact.
 * @param from bits, [n]
 * @param to where to put the numbers, [n]
 * @throws RangeError when the lengths differ
 */
export function float8ToFloat32(from: Uint8Array, kind: Float8, to: Float32Array): void {
  checkRoom(from, to);
  let values = float8Tables.get(kind);
  if (!values) {
    values = Float32Array.from({ length: 256 }, (_, byte) => float8Value(byte, kind));
    float8Tables.set(kind, values);
  }
  for (let i = 0; i < from.length; i++) to[i] = values[from[i]];
}

/**
 * float32 → bfloat16, to nearest, ties to even; what is too large becomes infinite, NaN stays NaN.
 * @param from [n]
 * @param to where to put the bits, [n]; a new array when left out
 * @throws RangeError when the lengths differ
 */
export function float32ToBf16(from: Float32Array, to = new Uint16Array(from.length)): Uint16Array {
  checkRoom(from, to);
  const bits = bitsOf(from);
  for (let i = 0; i < bits.length; i++) {
    const x = bits[i];
    // A NaN whose payload lies in the lower half would be cut to an infinity: make it quiet.
    const nan = (x & 0x7fffffff) > 0x7f800000;
    to[i] = nan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return to;
}

/**
 * float32 → binary16, to nearest, ties to even, with subnormals; from 65,520 on a number becomes
 * infinite, NaN stays NaN.
 * @param from [n]
 * @param to where to put the bits, [n]; a new array when left out
 * @throws RangeError when the lengths differ
 */
export function float32ToFloat16(
  from: Float32Array,
  to = new Uint16Array(from.length),
): Uint16Array {
  checkRoom(from, to);
  const bits = bitsOf(from);
  for (let i = 0; i < bits.length; i++) {
    to[i] = ((bits[i] >>> 16) & 0x8000) | magnitude(bits[i] & 0x7fffffff);
  }
  return to;
}

/** Bits of a float32 without its sign → those of the nearest binary16. */
function magnitude(x: number): number {
  if (x > 0x7f800000) return 0x7e00 | ((x >>> 13) & 0x3ff); // NaN
  if (x >= 0x477ff000) return 0x7c00; // 65,520 and more
  if (x >= 0x38800000) return roundOff(x - (112 << 23), 13); // normal: 2^-14 and more
  if (x <= 0x33000000) return 0; // up to 2^-25, half of the least subnormal
  const significand = (x & 0x7fffff) | 0x800000;
  return roundOff(significand, 126 - (x >>> 23)); // in units of 2^-24
}

/** Drops the lowest bits, to nearest, ties to even. */
function roundOff(x: number, bits: number): number {
  return (x + (1 << (bits - 1)) - 1 + ((x >>> bits) & 1)) >>> bits;
}
