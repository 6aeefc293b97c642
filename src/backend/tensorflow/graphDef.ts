/**
 * Ops as a graph of libtensorflow, in protocol buffers: tensorflow/core/framework/graph.proto and what
 * that includes.
 */
import type { Attribute, NodeBackend } from './binding';
import type { Constant } from './ops';

/** Ops that ran; tensors go by names: `input0`, `weight0`, `const0`, `node0`, `node0:1`. */
export interface Noted {
  inputs: { name: string; dtype: number }[];
  nodes: { name: string; op: string; inputs: string[]; attributes: Attribute[] }[];
  constants: { name: string; value: Constant }[];
  outputs: string[];
}

/** Why ops can't be noted: a tensor from elsewhere, or an attribute that no model has. */
export class NotNoted extends Error {}

/**
 * @returns `text`: the same for the same ops on the same places, a line for each constant and op
 * @throws NotNoted for an attribute of another kind than models have
 */
export function graphDef(
  binding: NodeBackend['binding'],
  noted: Noted,
): { text: string; bytes(): Buffer } {
  const kinds = [binding.TF_ATTR_TYPE, binding.TF_ATTR_BOOL, binding.TF_ATTR_INT];
  const textOf = ({ name, type, value }: Attribute) => {
    if (typeof value === 'object' || !kinds.includes(type)) {
      throw new NotNoted(`the attribute ${name} of an op is neither a type, a flag nor a number`);
    }
    return `${name}:${value}`;
  };
  const lines = noted.nodes.map(({ op, inputs, attributes }) => {
    return `${op} ${inputs} ${attributes.map(textOf)}`;
  });
  const values = noted.constants.map(({ name, value: { dtype, shape, data } }) => {
    return `${name} of type ${dtype} [${shape}]: ${data}`;
  });
  const types = noted.inputs.map(({ dtype }) => dtype);
  return {
    text: [...lines, ...values, types, noted.outputs].join('\n'),
    bytes: () => encode(binding, noted),
  };
}

/** Version of the graph format, which says how some ops are understood: that of TensorFlow 2.16. */
const PRODUCER = 1882;

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
};
const integer = (field: number, value: number) =>
  Buffer.concat([varint(field << 3), varint(value)]);
const message = (field: number, ...parts: (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
};

function encode(
  binding: NodeBackend['binding'],
  { inputs: placeholders, nodes, constants }: Noted,
): Buffer {
  const attribute = (name: string, value: Buffer) =>
    message(5, message(1, name), message(2, value));
  const type = (name: string, value: number) => attribute(name, integer(6, value));
  const node = (name: string, op: string, inputs: string[], ...attributes: Buffer[]) =>
    message(
      1,
      message(1, name),
      message(2, op),
      ...inputs.map((x) => message(3, x)),
      ...attributes,
    );
  const anyShape = attribute('shape', message(7, integer(3, 1)));
  const placeholder = (name: string, dtype: number) =>
    node(name, 'Placeholder', [], type('dtype', dtype), anyShape);
  const attributeValue = ({ type: kind, value }: Attribute): Buffer => {
    if (kind === binding.TF_ATTR_TYPE) return integer(6, value as number);
    if (kind === binding.TF_ATTR_BOOL) return integer(5, Number(value));
    if (kind === binding.TF_ATTR_INT) return integer(3, value as number);
    throw new Error(`An attribute of kind ${kind} in a graph.`);
  };
  const before = controlInputs(binding, { placeholders, nodes });
  return Buffer.concat([
    ...placeholders.map(({ name, dtype }) => placeholder(name, dtype)),
    ...constants.map(({ name, value: { dtype, shape, data } }) => {
      const dims = shape.map((size) => message(2, integer(1, size)));
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const tensor = [integer(1, dtype), message(2, ...dims), message(4, bytes)];
      return node(
        name,
        'Const',
        [],
        type('dtype', dtype),
        attribute('value', message(8, ...tensor)),
      );
    }),
    ...nodes.map(({ name, op, inputs, attributes }, i) =>
      node(
        name,
        op,
        [...inputs, ...before[i]],
        ...attributes.map((one) => attribute(one.name, attributeValue(one))),
      ),
    ),
    message(4, integer(1, PRODUCER)),
  ]);
}

/**
 * What each op waits for beside its inputs. A graph starts all that it can, so it would widen every
 * 16-bit weight at once: what reads one waits for the op before it.
 */
function controlInputs(
  binding: NodeBackend['binding'],
  { placeholders, nodes }: { placeholders: Noted['inputs']; nodes: Noted['nodes'] },
): string[][] {
  const isNarrow = ({ dtype }: { dtype: number }) =>
    dtype !== binding.TF_FLOAT && dtype !== binding.TF_INT32;
  const narrow = new Set(placeholders.filter(isNarrow).map(({ name }) => name));
  return nodes.map(({ inputs }, i) =>
    i && inputs.some((input) => narrow.has(input)) ? [`^${nodes[i - 1].name}`] : [],
  );
}
