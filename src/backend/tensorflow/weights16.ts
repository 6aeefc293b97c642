/**
 * Weights on the tensorflow backend: put there slice by slice, and kept in 16 bit where that is
 * wanted. tfjs has no 16-bit dtype, libtensorflow has: such tensors pass for float32 in tfjs, and
 * the two ops that models use matrices in (products and look-ups) cast them as they go, so that all
 * arithmetic is in float32. Any other op on them is an error of libtensorflow, not a wrong number.
 *
 * On a CPU without 16-bit instructions that is four to five times as fast as products in 16 bit
 * (bfloat16 [1, 2048] × [2048, 8192] on two busy cores: 11 ms; cast whole 50 ms, in 16 bit 48 ms,
 * float32 weights 4 ms), and bfloat16 checkpoints give the same numbers as in float32.
 */
import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../../util/errors';
import type { WeightDtype } from '../weightDtype';
import {
  type Attribute,
  attributeMakers,
  BFLOAT16,
  HALF,
  is16Bit,
  type NodeBackend,
  replaceKernel,
} from './binding';

/** A matrix in a file. */
export interface StoredMatrix {
  /** For errors. */
  name: string;
  /** [rows, columns] */
  shape: [number, number];
  dtype: 'F32' | 'F16' | 'BF16';
  /** Fills `target` with the bytes from `offset` on. */
  read(target: Uint8Array, offset: number): void;
}

/** Numbers of dtypes in libtensorflow. */
const FLOAT = 1;
const UINT8 = 4;
const KEPT: Record<WeightDtype, number> = { float32: FLOAT, bfloat16: BFLOAT16, float16: HALF };
const STORED = { F32: FLOAT, BF16: BFLOAT16, F16: HALF };

/** Bytes read and converted at a time; what is larger is slower, for malloc gets it anew each time. */
const SLICE_BYTES = 1 << 22;
/** Numbers cast at a time: on a CPU few enough for its caches, on a GPU many, for few launches. */
const CAST = { cpu: 1 << 21, gpu: 1 << 27 };

/**
 * Up to so many rows are multiplied by SparseMatMul: with the rows as its sparse operand, the only
 * kernel for a CPU that reads bfloat16 and computes in float32 (rows of 2304 × [2304, 9216]: 8, 10,
 * 14 ms for 1, 2, 4 of them; by casts about 14 ms).
 */
const FEW_ROWS = 4;

/** Backends that let 16-bit tensors pass. */
const ready = new WeakSet<NodeBackend>();

/**
 * Reads a matrix onto the tensorflow backend; beyond the result it takes a few MB, and when
 * transposed as much again for that time.
 * @param stored [rows, columns]
 * @returns [rows, columns], or [columns, rows] when `transposed`
 * @throws InputError for numbers that float16 can't hold, or what `read` throws
 */
export function putMatrix(
  stored: StoredMatrix,
  dtype: WeightDtype,
  transposed: boolean,
): tf.Tensor2D {
  const backend = tf.backend() as unknown as NodeBackend;
  if (dtype !== 'float32' && !ready.has(backend)) {
    admit16Bit(backend);
    ready.add(backend);
  }
  const ops = rawOps(backend.binding);
  const [from, to] = [STORED[stored.dtype], KEPT[dtype]];
  // InplaceUpdate only copies bits, and a GPU has it for half but not for bfloat16.
  const carrier = is16Bit(to) ? HALF : FLOAT;
  const [rows, columns] = stored.shape;
  const rowBytes = columns * (from === FLOAT ? 4 : 2);
  const atOnce = Math.min(rows, Math.max(1, Math.floor(SLICE_BYTES / rowBytes)));
  const bytes = new Uint8Array(atOnce * rowBytes);
  try {
    let matrix = ops.empty([rows, columns], carrier);
    for (let row = 0; row < rows; row += atOnce) {
      const count = Math.min(atOnce, rows - row);
      const slice = bytes.subarray(0, count * rowBytes);
      stored.read(slice, row * rowBytes);
      const read = ops.fromBytes(slice, [count, columns], from);
      const kept = ops.cast(read, from, to);
      if (to === HALF && from !== HALF && !ops.isFinite(kept)) throw beyondHalf(stored);
      const places = Int32Array.from({ length: count }, (_, i) => row + i);
      const next = ops.update(matrix, places, ops.bitcast(kept, to, carrier), carrier);
      ops.freeAllBut(next);
      matrix = next;
    }
    if (transposed) {
      matrix = ops.transpose(matrix, carrier);
      ops.freeAllBut(matrix);
    }
    const id = ops.bitcast(matrix, carrier, to);
    ops.release(id);
    const shape = transposed ? [columns, rows] : [rows, columns];
    return backend.createOutputTensor({ id, shape, dtype: to }) as tf.Tensor2D;
  } finally {
    ops.freeAllBut();
  }
}

/** What libtensorflow's Cast is told. */
function castAttributes(binding: NodeBackend['binding'], from: number, to: number): Attribute[] {
  const { type, flag } = attributeMakers(binding);
  return [type('SrcT', from), type('DstT', to), flag('Truncate', false)];
}

/** Ops of libtensorflow on tensors by their id: tfjs has some of them not at all, others not in 16 bit. */
function rawOps(binding: NodeBackend['binding']) {
  const live = new Set<number>();
  const own = (id: number) => {
    live.add(id);
    return id;
  };
  const { type, flag } = attributeMakers(binding);
  const run = (op: string, attributes: Attribute[], ...inputs: number[]) =>
    own(binding.executeOp(op, attributes, inputs, 1)[0].id);
  const integers = (values: ArrayLike<number>) =>
    own(binding.createTensor([values.length], binding.TF_INT32, Int32Array.from(values)));
  const bitcast = (id: number, a: number, b: number) =>
    a === b ? id : run('Bitcast', [type('T', a), type('type', b)], id);
  const index = type('Tidx', binding.TF_INT32);
  return {
    bitcast,
    empty: (shape: number[], dtype: number) =>
      run('Empty', [type('dtype', dtype), flag('init', false)], integers(shape)),
    fromBytes(bytes: Uint8Array, shape: number[], dtype: number) {
      const width = dtype === FLOAT ? 4 : 2;
      return bitcast(own(binding.createTensor([...shape, width], UINT8, bytes)), UINT8, dtype);
    },
    cast: (id: number, a: number, b: number) =>
      a === b ? id : run('Cast', castAttributes(binding, a, b), id),
    isFinite(id: number) {
      const each = run('IsFinite', [type('T', HALF)], id);
      const all = run('All', [flag('keep_dims', false), index], each, integers([0, 1]));
      return Boolean(binding.tensorDataSync(all)[0]);
    },
    /** Writes rows into a matrix; the result is the same memory under another id. */
    update: (matrix: number, places: Int32Array, rows: number, dtype: number) =>
      run('InplaceUpdate', [type('T', dtype)], matrix, integers(places), rows),
    transpose: (id: number, dtype: number) =>
      run('Transpose', [type('T', dtype), type('Tperm', binding.TF_INT32)], id, integers([1, 0])),
    /** From now on someone else's to free. */
    release: (id: number) => void live.delete(id),
    freeAllBut(kept?: number) {
      for (const id of live) {
        if (id === kept) continue;
        binding.deleteTensor(id);
        live.delete(id);
      }
    },
  };
}

const beyondHalf = ({ name, shape }: StoredMatrix) =>
  new InputError(
    `Tensor "${name}" [${shape}] has numbers beyond float16's 65504: use dtype bfloat16 or float32.`,
  );

/** Lets 16-bit tensors pass for float32; products, look-ups and reading give float32 from them. */
function admit16Bit(backend: NodeBackend) {
  const { tensorMap, binding } = backend;
  const create = backend.createOutputTensor.bind(backend);
  backend.createOutputTensor = (output) => {
    if (!is16Bit(output.dtype)) return create(output);
    const tensor = create({ ...output, dtype: FLOAT });
    tensorMap.get(tensor.dataId).dtype = output.dtype;
    return tensor;
  };
  const isNarrow = (x: tf.TensorInfo) => is16Bit(tensorMap.get(x.dataId).dtype);
  const isBf16 = (x: tf.TensorInfo) => tensorMap.get(x.dataId).dtype === BFLOAT16;
  const { type, flag } = attributeMakers(binding);
  const sparse = [
    type('Ta', FLOAT),
    type('Tb', BFLOAT16),
    flag('a_is_sparse', true),
    flag('b_is_sparse', false),
    flag('transpose_a', false),
    flag('transpose_b', false),
  ];
  const toFloat = (from: number) => castAttributes(binding, from, FLOAT);
  const widen = (x: tf.Tensor): tf.Tensor => {
    const { dtype } = tensorMap.get(x.dataId);
    return is16Bit(dtype) ? backend.executeSingleOutput('Cast', toFloat(dtype), [x]) : x;
  };

  const read = backend.readSync.bind(backend);
  backend.readSync = (dataId) => {
    const { id, dtype } = tensorMap.get(dataId);
    if (!is16Bit(dtype)) return read(dataId);
    const [wide] = binding.executeOp('Cast', toFloat(dtype), [id], 1);
    const values = binding.tensorDataSync(wide.id);
    binding.deleteTensor(wide.id);
    return values;
  };
  replaceKernel(tf.GatherV2, (stock, args) => {
    if (!isNarrow(args.inputs.x as tf.Tensor)) return stock(args);
    return tf.tidy(() => widen(stock(args) as tf.Tensor));
  });
  const castAtOnce = backend.isUsingGpuDevice ? CAST.gpu : CAST.cpu;
  replaceKernel(tf.BatchMatMul, (stock, args) => {
    const { a, b } = args.inputs as { a: tf.Tensor; b: tf.Tensor };
    if (!isNarrow(a) && !isNarrow(b)) return stock(args);
    const { transposeA, transposeB } = args.attrs as Record<string, boolean>;
    const multiply = (x: tf.Tensor, y: tf.Tensor) =>
      tf.matMul(widen(x), widen(y), transposeA, transposeB);
    const narrow = isNarrow(b) ? b : a;
    const plain = a.rank === 2 && b.rank === 2 && !transposeA && !transposeB;
    if (plain && isBf16(b) && !backend.isUsingGpuDevice && a.shape[0] <= FEW_ROWS) {
      return backend.executeSingleOutput('SparseMatMul', sparse, [a, b]);
    }
    // Other cases no model has: there the matrix is cast whole.
    const sliced = a.rank === 2 && b.rank === 2 && !transposeA && narrow.size > castAtOnce;
    if (!sliced) return tf.tidy(() => multiply(a, b));
    const atOnce = Math.max(1, Math.floor(castAtOnce / (narrow.shape[1] ?? 1)));
    if (narrow === a) return eachSlice(a, atOnce, (rows) => multiply(rows, b), 0);
    if (transposeB) return eachSlice(b, atOnce, (rows) => multiply(a, rows), 1);
    return sumOfProducts(a, b, atOnce, multiply);
  });
}

/** `f` of so many rows of a matrix at a time, the results side by side along `axis`. */
function eachSlice(
  matrix: tf.Tensor,
  atOnce: number,
  f: (rows: tf.Tensor) => tf.Tensor,
  axis: number,
): tf.Tensor {
  return tf.tidy(() => {
    const parts: tf.Tensor[] = [];
    for (let row = 0; row < matrix.shape[0]; row += atOnce) {
      const count = Math.min(atOnce, matrix.shape[0] - row);
      parts.push(tf.tidy(() => f(tf.slice(matrix, [row, 0], [count, -1]))));
    }
    return tf.concat(parts, axis);
  });
}

/** x [M, I] × w [I, O] as a sum of products with so many rows of w. */
function sumOfProducts(
  x: tf.Tensor,
  w: tf.Tensor,
  atOnce: number,
  multiply: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  let sum: tf.Tensor | undefined;
  for (let row = 0; row < w.shape[0]; row += atOnce) {
    const count = Math.min(atOnce, w.shape[0] - row);
    const before = sum;
    sum = tf.tidy(() => {
      const part = multiply(tf.slice(x, [0, row], [-1, count]), tf.slice(w, [row, 0], [count, -1]));
      return before ? tf.add(before, part) : part;
    });
    before?.dispose();
  }
  return sum as tf.Tensor;
}
