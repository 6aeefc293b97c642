/**
 * The weights format against a file that Python's safetensors wrote, against arithmetic done another
 * way, and against thousands of broken files.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/util/errors';
import {
  bf16ToFloat32,
  type Dtype,
  float16ToFloat32,
  float32ToBf16,
  float32ToFloat16,
  isFloat,
  Safetensors,
  type TensorData,
  writeSafetensors,
} from '../../weights/safetensors';
import { assertEffort } from '../effort';
import { testWhere } from '../where';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-safetensors-'));
test.after(() => fs.rmSync(scratch, { recursive: true, force: true }));
const inScratch = (name: string) => path.join(scratch, name);

const fixture = path.join(__dirname, '../fixtures/safetensors/python.safetensors');
const expected: Record<
  string,
  { dtype: Dtype; shape: number[]; values: (number | string)[] | null }
> = JSON.parse(fs.readFileSync(path.join(path.dirname(fixture), 'expected.json'), 'utf8')).tensors;

/** Opens, hands over and closes. */
function using<T>(file: Safetensors, use: (file: Safetensors) => T): T {
  try {
    return use(file);
  } finally {
    file.close();
  }
}

/** A .safetensors file from its parts, true or not. */
function assemble(header: unknown, data: Uint8Array = new Uint8Array(0), length?: bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, data]);
}

function refused(open: () => Safetensors, message: RegExp) {
  assert.throws(
    () => open().close(),
    (error: Error) => {
      assert.instance(error, InputError);
      assert.match(error.message, message);
      return true;
    },
  );
}

/** The bits of floats, all NaN made one: torch itself does not keep the payload of a NaN. */
const floatBits = (floats: Float32Array) =>
  Array.from(new Int32Array(floats.buffer), (bits, i) =>
    Number.isNaN(floats[i]) ? 'NaN' : String(bits),
  );
const halfBits = (halves: Uint16Array, infinity: number) =>
  Array.from(halves, (bits) => ((bits & 0x7fff) > infinity ? 'NaN' : bits));

/** Equal element by element; names the first that is not (uvu's own diff takes minutes here). */
function same<T>(actual: ArrayLike<T>, wanted: ArrayLike<T>) {
  assert.is(actual.length, wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    if (!Object.is(actual[i], wanted[i])) assert.is(actual[i], wanted[i], `at ${i}`);
  }
}

const floatsOf = (bits: (number | string)[]) =>
  new Float32Array(new Int32Array(bits.map(Number)).buffer);

// --- against Python ---

test('a file written by Python is read as Python reads it', () => {
  using(Safetensors.open(fixture), (file) => {
    assert.equal(file.metadata, { format: 'pt', note: 'żółw 🐢' });
    assert.equal([...file.tensors.keys()].sort(), Object.keys(expected).sort());
    for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
      const info = file.tensors.get(name)!;
      const bytes = file.readBytes(name);
      assert.equal([info.name, info.dtype, info.shape, info.file], [name, dtype, shape, fixture]);
      assert.is(info.byteLength, bytes.length);
      if (!values) {
        assert.throws(() => file.readFloat32(name), /where floats are wanted \(F64, F32, F16/);
        assert.throws(() => file.readInt32(name), /where integers are wanted/);
      } else if (name === 'i64.wide') {
        const message = /python\.safetensors: tensor "i64\.wide" holds 2147483648 at 1\b/;
        assert.throws(() => file.readInt32(name), message);
        assert.equal(Array.from(new BigInt64Array(bytes.buffer), String), values);
      } else if (/F/.test(dtype)) {
        assert.equal(floatBits(file.readFloat32(name)), floatBits(floatsOf(values)), name);
        assert.throws(() => file.readInt32(name), /where integers are wanted/);
      } else {
        assert.equal(Array.from(file.readInt32(name)), values.map(Number), name);
        assert.throws(() => file.readFloat32(name), /where floats are wanted/);
      }
    }
  });
});

test('rounding to 16 bits gives the bits that torch gives', () => {
  using(Safetensors.open(fixture), (file) => {
    const given = file.readFloat32('rounding.f32');
    const stored = (name: string) => new Uint16Array(file.readBytes(name).buffer);
    assert.ok(given.length > 600);
    same(float32ToFloat16(given), stored('rounding.f16'));
    same(float32ToBf16(given), stored('rounding.bf16'));
  });
});

// --- 16-bit floats against arithmetic ---

const allHalves = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** What the bits mean by the standard's formula. */
function meaning(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const top = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & top;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === top) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent
    ? sign * (1 + fraction) * 2 ** (exponent - bias)
    : sign * fraction * 2 ** (1 - bias);
}

const formats = [
  { name: 'F16', exponentBits: 5, widen: float16ToFloat32, round: float32ToFloat16 },
  { name: 'BF16', exponentBits: 8, widen: bf16ToFloat32, round: float32ToBf16 },
];
for (const { name, exponentBits, widen, round } of formats) {
  const infinity = (2 ** exponentBits - 1) << (15 - exponentBits);

  test(`${name}: all 65,536 values mean what the standard says, and come back`, () => {
    const wide = widen(allHalves);
    const formula = Float32Array.from(allHalves, (bits) => meaning(bits, exponentBits));
    same(floatBits(wide), floatBits(formula));
    same(halfBits(round(wide), infinity), halfBits(allHalves, infinity));
  });

  test(`${name}: between any two neighbours the nearer is taken, at the middle the even`, () => {
    // Midpoints have one bit more than the format, and so are exact in float32; past the greatest
    // number the next step up stands in for infinity.
    for (const sign of [0, 0x8000]) {
      const low = allHalves.slice(0, infinity).map((bits) => bits | sign);
      const middle = new Float32Array(low.length);
      low.forEach((bits, i) => {
        const below = meaning(bits, exponentBits);
        const step = bits + 1 - sign === infinity ? below - meaning(bits - 1, exponentBits) : 0;
        middle[i] = step ? below + step / 2 : (below + meaning(bits + 1, exponentBits)) / 2;
      });
      const nudged = (by: number) => {
        const moved = middle.slice();
        const bits = new Int32Array(moved.buffer);
        for (let i = 0; i < bits.length; i++) bits[i] += by;
        return moved;
      };
      same(round(nudged(-1)), low);
      same(
        round(nudged(1)),
        low.map((bits) => bits + 1),
      );
      same(
        round(middle),
        low.map((bits) => bits + (bits & 1)),
      );
    }
  });

  test(`${name}: NaN stays NaN, whatever its payload`, () => {
    const bits = [0x7f800001, 0x7fffffff, 0x7fc00000, 0xff800001 | 0, -1, 0x7f802000];
    const nan = new Float32Array(new Int32Array(bits).buffer);
    for (const x of widen(round(nan))) assert.ok(Number.isNaN(x));
  });
}

test('a conversion into an array of another length is refused', () => {
  assert.throws(() => bf16ToFloat32(new Uint16Array(3), new Float32Array(2)), RangeError);
});

// --- writing ---

const samples: Record<string, TensorData> = {
  bytes: { dtype: 'U8', shape: [3], data: Uint8Array.of(0, 128, 255) },
  half: { dtype: 'F16', shape: [2, 1], data: Float32Array.of(1.5, -2) },
  brain: { dtype: 'BF16', shape: [2], data: Float32Array.of(1.00390625, 3) },
  long: { dtype: 'I64', shape: [2], data: Int32Array.of(-5, 2 ** 31 - 1) },
  int: { dtype: 'I32', shape: [1, 1], data: Int32Array.of(-7) },
  float: { dtype: 'F32', shape: [], data: Float32Array.of(0.1) },
  empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  raw: { dtype: 'BF16', shape: [1], data: Uint8Array.of(0x80, 0x3f) },
  ['__proto__']: { dtype: 'U8', shape: [1], data: Uint8Array.of(9) },
};

test('what is written is read again', () => {
  const name = inScratch('written.safetensors');
  writeSafetensors(name, samples, { format: 'pt', a: 'ü' });
  using(Safetensors.open(name), (file) => {
    assert.equal(file.metadata, { format: 'pt', a: 'ü' });
    assert.is(file.tensors.size, 9);
    for (const [key, { dtype, shape, data }] of Object.entries(samples)) {
      const info = file.tensors.get(key)!;
      assert.equal([info.dtype, info.shape], [dtype, shape], key);
      if (key === 'raw') assert.equal(file.readFloat32(key), Float32Array.of(1));
      else if (key === 'brain') assert.equal(file.readFloat32(key), Float32Array.of(1, 3));
      else if (/F/.test(dtype)) assert.equal(file.readFloat32(key), data as Float32Array);
      else assert.equal(file.readInt32(key), Int32Array.from(data));
    }
  });
  assert.is(fs.readFileSync(name).readBigUInt64LE(0) % 8n, 0n);
});

test('tensors longer than a chunk are converted whole, both ways', () => {
  const name = inScratch('long.safetensors');
  const n = 2 ** 21 + 77;
  const floats = Float32Array.from({ length: n }, (_, i) => (i % 2039) - 1000);
  const ints = Int32Array.from({ length: n }, (_, i) => (i - 2 ** 20) * 1001);
  writeSafetensors(name, {
    f16: { dtype: 'F16', shape: [n], data: floats },
    i64: { dtype: 'I64', shape: [n], data: ints },
    u8: { dtype: 'U8', shape: [n], data: Uint8Array.from(ints) },
  });
  using(Safetensors.open(name), (file) => {
    same(file.readFloat32('f16'), floats);
    same(file.readInt32('i64'), ints);
    same(file.readInt32('u8'), Uint8Array.from(ints));
  });
  fs.rmSync(name);
});

test('a file is replaced by another: who has the old one open goes on reading it', () => {
  const dir = fs.mkdtempSync(path.join(scratch, 'replaced-'));
  const name = path.join(dir, 'x.safetensors');
  writeSafetensors(name, { a: samples.int });
  using(Safetensors.open(name), (old) => {
    writeSafetensors(name, { a: { dtype: 'I32', shape: [1, 1], data: Int32Array.of(8) } });
    assert.equal(old.readInt32('a'), Int32Array.of(-7));
  });
  using(Safetensors.open(name), (file) => assert.equal(file.readInt32('a'), Int32Array.of(8)));
  assert.equal(fs.readdirSync(dir), ['x.safetensors']);
});

test('a failed write leaves the old file and nothing beside it', () => {
  const dir = fs.mkdtempSync(path.join(scratch, 'atomic-'));
  const name = path.join(dir, 'x.safetensors');
  writeSafetensors(name, { a: samples.bytes });
  const before = fs.readFileSync(name);
  const good: TensorData = samples.float;
  const bad: [Record<string, TensorData>, RegExp][] = [
    [{ a: { ...good, shape: [2] } }, /x\.safetensors: tensor "a" has 1 elements.* has 2/],
    [{ a: { ...good, shape: [-1] } }, /shape \[-1\]/],
    [{ a: { ...good, shape: [0.5, 2] } }, /shape \[0\.5,2\]/],
    [{ a: { ...good, dtype: 'F128' as Dtype } }, /dtype "F128"/],
    [{ a: { ...good, dtype: 'F64' } }, /to be F64, but its data are a Float32Array/],
    [{ a: { ...good, data: undefined as unknown as Float32Array } }, /its data are undefined/],
    [{ a: { ...good, dtype: 'I32' } }, /to be I32, but its data are a Float32Array/],
    [{ a: { ...good, dtype: 'U8' } }, /to be U8/],
    [{ a: null as unknown as TensorData }, /"a" is not described by an object/],
    [{ __metadata__: good }, /keeps for metadata/],
  ];
  for (const [tensors, message] of bad) {
    assert.throws(
      () => writeSafetensors(name, tensors),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  }
  const metadata = { n: 3 } as unknown as Record<string, string>;
  assert.throws(() => writeSafetensors(name, { a: good }, metadata), /something else than text/);
  // The disk fails in the middle of the data: no file may grow beyond 1 KiB.
  const program = `
    const { writeSafetensors } = require('./weights/safetensors');
    const data = new Float32Array(4096);
    try { writeSafetensors(process.argv[1], { a: { dtype: 'F32', shape: [4096], data } }); }
    catch (error) { console.log(error.name + ': ' + error.message); }`;
  const limited = 'ulimit -f 1; exec "$0" -r ts-node/register -e "$1" "$2"';
  const { stdout } = spawnSync('bash', ['-c', limited, process.execPath, program, name], {
    cwd: path.join(__dirname, '../..'),
    encoding: 'utf8',
  });
  assert.match(stdout, /^InputError: .*cannot be written \(EFBIG/);
  assert.equal(fs.readFileSync(name), before);
  assert.equal(fs.readdirSync(dir), ['x.safetensors']);
  assert.throws(
    () => writeSafetensors(path.join(dir, 'none/x'), { a: good }),
    (error: Error) => error instanceof InputError && /cannot be written/.test(error.message),
  );
});

// --- reading by position ---

test('a file beyond 4 GiB is read at its far end', () => {
  const name = inScratch('sparse.safetensors');
  const wide = 2 ** 32 + 2 ** 29 + 13;
  const text = JSON.stringify({
    filler: { dtype: 'U8', shape: [wide], data_offsets: [0, wide] },
    tail: { dtype: 'F32', shape: [2], data_offsets: [wide, wide + 8] },
    half: { dtype: 'BF16', shape: [1], data_offsets: [wide + 8, wide + 10] },
  });
  const start = 8 + text.length;
  fs.writeFileSync(name, assemble(text));
  const fd = fs.openSync(name, 'r+');
  fs.ftruncateSync(fd, start + wide + 10);
  const tail = new Uint8Array(Float32Array.of(0.5, -3).buffer);
  fs.writeSync(fd, Buffer.concat([tail, Uint8Array.of(0x80, 0x3f)]), 0, 10, start + wide);
  fs.closeSync(fd);
  const before = process.memoryUsage();
  using(Safetensors.open(name), (file) => {
    assert.is(file.tensors.get('filler')!.byteLength, wide);
    assert.equal(file.readFloat32('tail'), Float32Array.of(0.5, -3));
    assert.equal(file.readFloat32('half'), Float32Array.of(1));
    const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    assert.ok(grown < 2 ** 26, `${grown} bytes held`);
  });
  fs.rmSync(name);
});

test('a file that shrinks while it is open, and one that has been closed, are not read', () => {
  const name = inScratch('shrinks.safetensors');
  writeSafetensors(name, samples);
  const file = Safetensors.open(name);
  fs.truncateSync(name, fs.statSync(name).size - 20);
  assert.throws(
    () => {
      for (const key of file.tensors.keys()) file.readBytes(key);
    },
    (error: Error) => error instanceof InputError && /tensor "\w+" is cut off/.test(error.message),
  );
  assert.throws(() => file.readBytes('nobody'), /shrinks\.safetensors: tensor "nobody" is missing/);
  file.close();
  file.close();
  assert.throws(() => file.readBytes('int'), /has been closed/);
});

// --- files that are not what they say ---

const entry = (start: number, end: number, more: object = {}) => ({
  dtype: 'U8',
  shape: [end - start],
  data_offsets: [start, end],
  ...more,
});
const four = new Uint8Array(4);
const a = entry(0, 4);
const A = JSON.stringify(a);

const broken: [string, Buffer, RegExp][] = [
  ['nothing', Buffer.alloc(0), /0 bytes are too few/],
  ['seven bytes', Buffer.alloc(7), /7 bytes are too few/],
  ['no header', Buffer.alloc(8), /header is not a JSON object/],
  ['a header longer than the file', assemble({ a }, four, 5000n), /header has 5000 bytes/],
  ['a header of 2^64 - 1 bytes', assemble({ a }, four, 2n ** 64n - 1n), /is cut off, or not/],
  ['JSON that is no object', assemble('[1]'), /not a JSON object/],
  ['a space before the header', assemble(' {}'), /not a JSON object/],
  ['a byte order mark', assemble('\ufeff{}'), /not a JSON object/],
  ['broken JSON', assemble('{"a":', four), /header is not JSON/],
  ['bytes that are no text', assemble({ a }, four).fill(0xff, 10, 11), /header is not UTF-8/],
  ['a key twice', assemble(`{"a":${A},"\\u0061":${A}}`, four), /has the key "a" twice/],
  ['a field twice', assemble(`{"a":{"dtype":"F32",${A.slice(1)}}`, four), /key "dtype" twice/],
  ['deep nesting', assemble(`{"a":${'['.repeat(1e6)}`), /nested deeper/],
  ['deep nesting of objects', assemble(`{"a":${'{"a":'.repeat(1e6)}`), /nested deeper/],
  ['millions of values', assemble(`{"a":{"shape":[${'0,'.repeat(2e6)}0]}}`), /more than 1000000/],
  ['a tensor that is a list', assemble({ a: [] }), /tensor "a" is not described/],
  ['a tensor that is null', assemble({ a: null }), /tensor "a" is not described/],
  ['an unknown dtype', assemble({ a: { ...a, dtype: 'F8' } }, four), /"a" has dtype "F8"; only/],
  ['a dtype of Object', assemble({ a: { ...a, dtype: 'toString' } }, four), /dtype "toString"/],
  ['no dtype', assemble({ a: { ...a, dtype: undefined } }, four), /"a" has dtype undefined/],
  ['no shape', assemble({ a: { ...a, shape: undefined } }, four), /"a" has shape undefined/],
  ['a negative size', assemble({ a: { ...a, shape: [-2, -2] } }, four), /shape \[-2,-2\]/],
  ['half a row', assemble({ a: { ...a, shape: [0.5, 8] } }, four), /shape \[0\.5,8\]/],
  ['a size as text', assemble({ a: { ...a, shape: ['4'] } }, four), /shape \["4"\]/],
  ['a size beyond counting', assemble({ a: { ...a, shape: [2 ** 40, 2 ** 40, 0] } }), /shape \[10/],
  ['too few bytes', assemble({ a: { ...a, shape: [5] } }, four), /takes 5 bytes .* \[0,4\]/],
  ['the wrong dtype', assemble({ a: { ...a, dtype: 'F16' } }, four), /takes 8 bytes \(F16, /],
  ['one offset', assemble({ a: { ...a, data_offsets: [0] } }, four), /data_offsets \[0\]/],
  ['negative offsets', assemble({ a: { ...a, data_offsets: [-4, 0] } }, four), /offsets \[-4,0\]/],
  ['offsets in reverse', assemble({ a: { ...a, data_offsets: [4, 0] } }, four), /takes 4 bytes/],
  ['data cut off', assemble({ a }, four.subarray(1)), /"a" ends at byte 4 of .* only 3/],
  ['bytes too many', assemble({ a }, new Uint8Array(6)), /2 bytes at its end/],
  ['an overlap', assemble({ a, b: entry(3, 5) }, new Uint8Array(5)), /"b" overlaps tensor "a"/],
  ['a nested tensor', assemble({ a, b: entry(1, 2) }, four), /"b" overlaps tensor "a"/],
  ['a gap', assemble({ a, b: entry(6, 7) }, new Uint8Array(7)), /"b" comes after 2 bytes/],
  [
    'numbers of 4 bits that end within a byte',
    assemble({ a: { ...a, dtype: 'F4', shape: [7] } }, four),
    /shape \[7\], which is not possible/,
  ],
  [
    'numbers of 6 bits, too many for their bytes',
    assemble({ a: { ...a, dtype: 'F6_E2M3', shape: [8] } }, four),
    /takes 6 bytes \(F6_E2M3/,
  ],
  ['metadata as text', assemble({ __metadata__: 'pt' }), /__metadata__ is not an object/],
  [
    'metadata with numbers',
    assemble({ __metadata__: { n: 1 } }),
    /something else than text at "n"/,
  ],
  ['escapes for a terminal', assemble({ '\u001b\u009bJ': 1 }), /tensor "\\u001b\\u009bJ"/],
];
for (const [what, bytes, message] of broken) {
  test(`refused: ${what}`, () => {
    const name = inScratch('broken.safetensors');
    fs.writeFileSync(name, bytes);
    refused(() => Safetensors.open(name), /^[^\n]*broken\.safetensors: /);
    refused(() => Safetensors.open(name), message);
  });
}

test('metadata that are null are none, and packed numbers of 4 and 6 bits are measured', () => {
  const name = inScratch('packed.safetensors');
  const tensors = {
    f4: { dtype: 'F4', shape: [2, 3], data_offsets: [0, 3] },
    f6: { dtype: 'F6_E3M2', shape: [4], data_offsets: [3, 6] },
    none: { dtype: 'F4', shape: [0, 5], data_offsets: [6, 6] },
  };
  fs.writeFileSync(
    name,
    assemble({ __metadata__: null, ...tensors }, Uint8Array.of(1, 2, 3, 4, 5, 6)),
  );
  using(Safetensors.open(name), (file) => {
    assert.equal(file.metadata, {});
    assert.equal(file.readBytes('f4'), Uint8Array.of(1, 2, 3));
    assert.equal(file.readBytes('f6'), Uint8Array.of(4, 5, 6));
    assert.is(file.tensors.get('none')?.byteLength, 0);
  });
});

test('floats are read in parts as they are read whole', () => {
  using(Safetensors.open(fixture), (file) => {
    for (const name of ['f64', 'f32', 'f16', 'bf16', 'f8_e4m3', 'f8_e5m2']) {
      const whole = file.readFloat32(name);
      const part = new Float32Array(3);
      file.readFloat32Into(name, part, 2);
      same(part, whole.subarray(2, 5));
      const message = new RegExp(`"${name}" has [0-9]+ bytes, and more are wanted`);
      assert.throws(() => file.readFloat32Into(name, part, whole.length - 2), message);
      assert.throws(() => file.readFloat32Into(name, part, -1), /from -1 is not a position/);
      assert.throws(() => file.readInto(name, new Uint8Array(1), 0.5), /offset 0\.5 is not/);
    }
  });
});

test('what is no plain file is refused without waiting for it', () => {
  refused(() => Safetensors.open(inScratch('gone')), /gone: no such file/);
  refused(() => Safetensors.open(scratch), /is not a file/);
  refused(() => Safetensors.open('a\0b'), /cannot be opened/);
  const pipe = inScratch('pipe');
  if (spawnSync('mkfifo', [pipe]).status === 0) {
    refused(() => Safetensors.open(pipe), /is not a file/);
  }
});

const onLinux = testWhere(fs.existsSync('/proc/self/fd'), 'no /proc/self/fd here');
onLinux('no file stays open after a refusal or after closing', () => {
  const openFiles = () => fs.readdirSync('/proc/self/fd').length;
  const name = inScratch('broken.safetensors');
  fs.writeFileSync(name, assemble({ a }));
  const before = openFiles();
  for (let i = 0; i < 20; i++) refused(() => Safetensors.open(name), /cut off/);
  for (let i = 0; i < 20; i++) Safetensors.open(fixture).close();
  assert.is(openFiles(), before);
});

// --- index and shards ---

const indexName = 'model.safetensors.index.json';
const shardNames = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const weightMap = { int: shardNames[0], half: shardNames[0], long: shardNames[1] };

function shardedFolder(index: unknown = { weight_map: weightMap }): string {
  const dir = fs.mkdtempSync(path.join(scratch, 'shards-'));
  const { int, half, long } = samples;
  writeSafetensors(path.join(dir, shardNames[0]), { int, half }, { format: 'pt', part: '1' });
  writeSafetensors(path.join(dir, shardNames[1]), { long }, { part: '2', other: 'x' });
  fs.writeFileSync(
    path.join(dir, indexName),
    typeof index === 'string' ? index : JSON.stringify(index),
  );
  return dir;
}

test('shards read as one', () => {
  const dir = shardedFolder({ metadata: { total_size: 24 }, weight_map: weightMap });
  using(Safetensors.openFolder(dir), (file) => {
    assert.equal([...file.tensors.keys()], ['int', 'half', 'long']);
    assert.is(file.tensors.get('long')!.file, path.join(dir, shardNames[1]));
    assert.equal(file.readInt32('long'), samples.long.data as Int32Array);
    assert.equal(file.readFloat32('half'), samples.half.data as Float32Array);
    assert.equal(file.metadata, { format: 'pt', part: '1', other: 'x' });
    assert.throws(() => file.readBytes('nobody'), /shards-.*: tensor "nobody" is missing/);
  });
  // One file goes before an index.
  writeSafetensors(path.join(dir, 'model.safetensors'), { only: samples.int });
  using(Safetensors.openFolder(dir), (file) => assert.equal([...file.tensors.keys()], ['only']));
});

const elsewhere = ['../x', '/etc/passwd', 'a/b', 'a\\b', '..', '.', '', 'C:x', 'a\0', 7, null];
const badIndex: [string, unknown, RegExp][] = [
  ['no weight_map', {}, /has no "weight_map"/],
  ['an empty weight_map', { weight_map: {} }, /"weight_map" is empty/],
  ['a list', [], /not a JSON object/],
  ['a cut index', '{"weight_map":{"int":', /index\.json: its text is not JSON/],
  ['a tensor twice', '{"weight_map":{"a":"x","a":"y"}}', /has the key "a" twice/],
  [
    'a shard that is not there',
    { weight_map: { ...weightMap, more: 'gone.safetensors' } },
    /index\.json: its shard "gone\.safetensors" is missing/,
  ],
  [
    'a tensor that its shard lacks',
    { weight_map: { ...weightMap, more: shardNames[1] } },
    /model-00002-of-00002\.safetensors: tensor "more" is missing/,
  ],
  [
    'a tensor in another shard',
    { weight_map: { ...weightMap, half: shardNames[1] } },
    /00001-of-00002\.safetensors: tensor "half" does not belong here: .* in "model-00002/,
  ],
  [
    'a tensor that it does not name',
    { weight_map: { int: shardNames[0], long: shardNames[1] } },
    /00001-of-00002\.safetensors: tensor "half" does not belong here: .* nowhere/,
  ],
  ...elsewhere.map((name): [string, unknown, RegExp] => [
    `a shard called ${JSON.stringify(name)}`,
    { weight_map: { ...weightMap, more: name } },
    /index\.json: tensor "more" is said to be in .* not a plain file name/,
  ]),
];
for (const [what, index, message] of badIndex) {
  test(`refused index: ${what}`, () => {
    refused(() => Safetensors.openFolder(shardedFolder(index)), message);
  });
}

test('refused: a broken shard, a folder without weights, no folder', () => {
  const dir = shardedFolder();
  fs.truncateSync(path.join(dir, shardNames[1]), 90);
  refused(() => Safetensors.openFolder(dir), /00002-of-00002\.safetensors: /);
  fs.rmSync(path.join(dir, indexName));
  refused(() => Safetensors.openFolder(dir), /has no weights/);
  refused(() => Safetensors.openFolder(inScratch('gone')), /gone: no such folder/);
  refused(() => Safetensors.openFolder(fixture), /is not a folder/);
});

// --- fuzzing ---

/** Seeded: mulberry32. Same seed, same mutations. */
function randomSource(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)] };
}
type Random = ReturnType<typeof randomSource>;

const nasty = [-1, 0, 1, 3, 8, 1.5, -0, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e308, 7e-9, true];
const nastier = [
  null,
  '',
  'F32',
  'I64',
  'BF16',
  'U8',
  'F64',
  'F4',
  'F8_E4M3',
  '__proto__',
  'x'.repeat(999),
  [],
  {},
  [[]],
];

/** Changes, removes, renames or doubles something anywhere in a JSON value. */
function editJson(random: Random, root: unknown): void {
  type Spot = { holder: Record<string, unknown>; key: string };
  const spots: Spot[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    for (const key of Object.keys(value)) {
      const holder = value as Record<string, unknown>;
      spots.push({ holder, key });
      walk(holder[key]);
    }
  };
  walk(root);
  if (!spots.length) return;
  const { holder, key } = random.pick(spots);
  const other = random.pick(spots);
  switch (random.below(6)) {
    case 0:
      delete holder[key];
      break;
    case 1:
      holder[random.pick(['dtype', 'shape', 'data_offsets', '__metadata__', 'b'])] = holder[key];
      break;
    case 2:
      holder[key] = structuredClone(other.holder[other.key]);
      break;
    case 3:
      if (typeof holder[key] === 'number') (holder[key] as number) += random.below(9) - 4;
      else holder[key] = structuredClone(random.pick(nasty));
      break;
    default:
      holder[key] = structuredClone(random.pick<unknown>([...nasty, ...nastier]));
  }
}

function flipBits(random: Random, bytes: Buffer, from: number, to: number) {
  for (let n = 1 + random.below(3); n > 0; n--) {
    bytes[from + random.below(to - from)] ^= 1 << random.below(8);
  }
}

/** One mutation of a whole .safetensors file. */
function mutate(random: Random, original: Buffer): Buffer {
  const bytes: Buffer = Buffer.from(original);
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const text = () => bytes.toString('utf8', 8, headerEnd);
  const data = bytes.subarray(headerEnd);
  switch (random.below(9)) {
    case 0:
      flipBits(random, bytes, 0, bytes.length);
      return bytes;
    case 1:
      flipBits(random, bytes, 8, headerEnd);
      return bytes;
    case 2:
      return bytes.subarray(0, random.below(bytes.length));
    case 3: {
      const n = BigInt(random.below(2 * bytes.length));
      bytes.writeBigUInt64LE(random.pick([n, n, n << 30n, 2n ** 64n - 1n - n, 100_000_001n]), 0);
      return bytes;
    }
    case 4: {
      // A printable byte in the header: stays text, often stays JSON.
      for (let n = 1 + random.below(2); n > 0; n--) {
        bytes[8 + random.below(headerEnd - 8)] = random.pick([
          ...Buffer.from('0123456789-,:"{}[]eF '),
        ]);
      }
      return bytes;
    }
    case 5: {
      // A piece of the header, or of the data, once more or away.
      const at = random.below(bytes.length);
      const piece = bytes.subarray(at, at + random.below(40));
      const rest = bytes.subarray(random.pick([at, at + piece.length * 2]));
      return Buffer.concat([bytes.subarray(0, at), random.pick([piece, Buffer.alloc(0)]), rest]);
    }
    case 6: {
      const extra = ' '.repeat(random.below(20));
      return assemble(random.pick([extra + text(), text() + extra]), data);
    }
    default: {
      const header = JSON.parse(text());
      for (let n = 1 + random.below(2); n > 0; n--) editJson(random, header);
      return assemble(header, data);
    }
  }
}

/** Reads everything; what is read must be the very bytes that the header points at. */
function readAll(file: Safetensors) {
  for (const [name, info] of file.tensors) {
    const raw = fs.readFileSync(info.file);
    const start = 8 + Number(raw.readBigUInt64LE(0));
    const [from, to] = JSON.parse(raw.toString('utf8', 8, start))[name].data_offsets;
    assert.ok(from >= 0 && to <= raw.length - start);
    const bytes = file.readBytes(name);
    assert.is(Buffer.compare(bytes, raw.subarray(start + from, start + to)), 0);
    const count = info.shape.reduce((product, n) => product * n, 1);
    try {
      const read = isFloat(info.dtype) ? file.readFloat32(name) : file.readInt32(name);
      assert.is(read.length, count);
    } catch (error) {
      if (!/beyond 32 bits/.test((error as Error).message)) throw error;
    }
  }
}

/** Opens and reads; `true` when that went well, `false` when it was refused as it should be. */
function survives(open: () => Safetensors, place: string): boolean {
  let loaded = true;
  assertEffort(50, 'one file', () => {
    try {
      using(open(), readAll);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      assert.ok(error.message.includes(place), error.message);
      assert.ok(error.message.length < 1000, error.message);
      assert.not.match(error.message, /\n/);
      loaded = false;
    }
  });
  return loaded;
}

function fuzz(times: number, seed: number, once: (random: Random) => boolean) {
  let loaded = 0;
  for (let i = 0; i < times; i++) {
    try {
      if (once(randomSource(seed + i))) loaded++;
    } catch (error) {
      (error as Error).message = `mutation with seed ${seed + i}: ${(error as Error).message}`;
      throw error;
    }
  }
  // Both ends are reached, or the mutations test nothing.
  assert.ok(loaded > times / 50, `only ${loaded} of ${times} load`);
  assert.ok(loaded < times / 2, `${loaded} of ${times} load`);
}

test('6,000 mutations of a file: each loads and reads in range, or is refused', () => {
  const name = inScratch('fuzz.safetensors');
  writeSafetensors(name, samples, { format: 'pt', cases: '[{"a":"\\"}"}]' });
  const original = fs.readFileSync(name);
  const fd = fs.openSync(name, 'r+');
  fuzz(6000, 1, (random) => {
    const bytes = mutate(random, original);
    fs.ftruncateSync(fd, bytes.length);
    fs.writeSync(fd, bytes, 0, bytes.length, 0);
    return survives(() => Safetensors.open(name), name);
  });
  fs.closeSync(fd);
});

test('1,500 mutations of an index or a shard: likewise', () => {
  const dir = shardedFolder({ metadata: { total_size: 24 }, weight_map: weightMap });
  const files = [indexName, ...shardNames].map((name) => path.join(dir, name));
  const originals = files.map((file) => fs.readFileSync(file));
  fuzz(1500, 100_000, (random) => {
    const which = random.below(3);
    let bytes: Buffer = Buffer.from(originals[which]);
    if (which > 0) bytes = mutate(random, bytes);
    else if (random.below(2)) flipBits(random, bytes, 0, bytes.length);
    else {
      const index = JSON.parse(bytes.toString());
      editJson(random, index);
      bytes = Buffer.from(JSON.stringify(index));
    }
    fs.writeFileSync(files[which], bytes);
    const loaded = survives(() => Safetensors.openFolder(dir), dir);
    fs.writeFileSync(files[which], originals[which]);
    return loaded;
  });
});

test.run();
