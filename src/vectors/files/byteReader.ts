import { bf16ToFloat32, float16ToFloat32 } from '../../../weights/halfFloat';
import { InputError } from '../../util/errors';

/** How numbers are held, and what makes float32 of them. */
export interface FloatType {
  /** Bytes of a number. */
  size: number;
  read(bytes: ArrayBuffer, to: Float32Array): void;
}

export const FLOAT_TYPES = {
  F16: { size: 2, read: (bytes, to) => float16ToFloat32(new Uint16Array(bytes), to) },
  BF16: { size: 2, read: (bytes, to) => bf16ToFloat32(new Uint16Array(bytes), to) },
  F32: { size: 4, read: (bytes, to) => to.set(new Float32Array(bytes)) },
  F64: { size: 8, read: (bytes, to) => to.set(new Float64Array(bytes)) },
} satisfies Record<string, FloatType>;

/** Reads little-endian numbers and texts one after the other, and says where they end too early. */
export class ByteReader {
  position = 0;
  private readonly view: DataView;

  constructor(
    private readonly file: string,
    readonly bytes: Uint8Array,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws InputError that says what is wrong, and where */
  refuse(what: string, at = this.position): never {
    throw new InputError(`${this.file}: ${what} (at byte ${at} of ${this.bytes.length}).`);
  }

  /** Where the next `size` bytes begin. @throws InputError where there are fewer */
  skip(size: number, what: string): number {
    const at = this.position;
    if (size > this.bytes.length - at) this.refuse(`it is cut off in ${what}`, at);
    this.position += size;
    return at;
  }

  /** A copy of the next `size` bytes. @throws InputError where there are fewer */
  take(size: number, what: string): ArrayBuffer {
    const at = this.skip(size, what);
    return new Uint8Array(this.bytes.subarray(at, at + size)).buffer;
  }

  u8 = (what: string) => this.view.getUint8(this.skip(1, what));
  i8 = (what: string) => this.view.getInt8(this.skip(1, what));
  u16 = (what: string) => this.view.getUint16(this.skip(2, what), true);
  i16 = (what: string) => this.view.getInt16(this.skip(2, what), true);
  u32 = (what: string) => this.view.getUint32(this.skip(4, what), true);
  i32 = (what: string) => this.view.getInt32(this.skip(4, what), true);
  u64 = (what: string) => this.view.getBigUint64(this.skip(8, what), true);
  i64 = (what: string) => this.view.getBigInt64(this.skip(8, what), true);
  f32 = (what: string) => this.view.getFloat32(this.skip(4, what), true);
  f64 = (what: string) => this.view.getFloat64(this.skip(8, what), true);

  /** A 64-bit count or size, as a number. @throws InputError for one that no file has */
  count(what: string): number {
    const at = this.position;
    const value = this.u64(what);
    if (value > BigInt(this.bytes.length)) {
      this.refuse(`${what} is ${value}, more than the file can hold`, at);
    }
    return Number(value);
  }

  /** UTF-8 behind its length. */
  text(what: string): string {
    const size = this.count(`the length of ${what}`);
    const at = this.skip(size, what);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes.subarray(at, at + size));
    } catch {
      return this.refuse(`${what} is no UTF-8`, at);
    }
  }
}
