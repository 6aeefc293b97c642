/** Ops of libtensorflow, noted as they run, as a graph that runs them in one call. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import type { Graph, Program, Recorder } from '../recordings';
import type { Attribute, NodeBackend } from './binding';
import type { Constant, TensorflowOps } from './ops';

/** An op that ran; tensors go by names: `input0`, `weight0`, `const0`, `node0`, `node0:1`. */
interface Node {
  name: string;
  op: string;
  inputs: string[];
  attributes: Attribute[];
}

interface Noted {
  nodes: Node[];
  constants: { name: string; value: Constant }[];
  outputs: string[];
}

export function graphRecorder(backend: NodeBackend, op: TensorflowOps): Recorder {
  const { binding } = backend;
  const idOf = (x: tf.Tensor) => backend.getInputTensorIds([x])[0];
  const dtypeOf = (x: tf.Tensor) => backend.tensorMap.get(x.dataId).dtype;

  return {
    // A graph would cast all of them at once, as soon as it starts.
    refuses: (weights) =>
      weights.every((w) => dtypeOf(w) === binding.TF_FLOAT)
        ? undefined
        : 'its weights are kept in 16 bit',

    record(inputs, weights, body) {
      const ran: { op: string; attributes: Attribute[]; inputs: number[]; outputs: number[] }[] =
        [];
      // Before `body`, which frees the pieces of the cache that it joins.
      const ids = [...inputs, ...weights].map(idOf);
      const dtypes = inputs.map(dtypeOf);
      const executeOp: typeof binding.executeOp = (name, attributes, inputIds, count) => {
        const outputs = binding.executeOp(name, attributes, inputIds, count);
        ran.push({ op: name, attributes, inputs: inputIds, outputs: outputs.map(({ id }) => id) });
        return outputs;
      };
      backend.binding = Object.create(binding, { executeOp: { value: executeOp } });
      let outputs: tf.Tensor[];
      try {
        outputs = body();
      } finally {
        backend.binding = binding;
      }
      // One tensor in two places now may be two the next time.
      if (new Set(ids).size < ids.length) {
        return { outputs, program: 'one tensor stands in two places' };
      }
      const names = new Map(
        ids.map((id, i) => [id, i < inputs.length ? `input${i}` : `weight${i - inputs.length}`]),
      );
      const constants: Noted['constants'] = [];
      const nodes: Node[] = [];
      const nameOf = (id: number, reader: string): string => {
        const known = names.get(id);
        if (known) return known;
        const value = op.constantOf(id);
        if (!value) {
          throw new NotNoted(`${reader} is a tensor that is no input, no weight and no number`);
        }
        const name = `const${constants.length}`;
        constants.push({ name, value });
        names.set(id, name);
        return name;
      };
      try {
        for (const [i, node] of ran.entries()) {
          const { attributes } = node;
          nodes.push({
            name: `node${i}`,
            op: node.op,
            inputs: node.inputs.map((id) => nameOf(id, `an input of ${node.op}`)),
            attributes,
          });
          for (const [k, id] of node.outputs.entries()) {
            names.set(id, k ? `node${i}:${k}` : `node${i}`);
          }
        }
        const noted = {
          nodes,
          constants,
          outputs: outputs.map((x) => nameOf(idOf(x), 'an output')),
        };
        if (new Set(noted.outputs).size < outputs.length) {
          throw new NotNoted('one tensor is two outputs');
        }
        return { outputs, program: programOf(backend, noted, dtypes, weights.length) };
      } catch (error) {
        if (error instanceof NotNoted) return { outputs, program: error.message };
        throw error;
      }
    },
  };
}

/** Why ops can't be noted: a tensor from elsewhere, or an attribute that no model has. */
class NotNoted extends Error {}

function programOf(
  backend: NodeBackend,
  noted: Noted,
  inputTypes: number[],
  weights: number,
): Program {
  const { binding } = backend;
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
  return {
    signature: [...lines, ...values, inputTypes, noted.outputs].join('\n'),
    build(): Graph {
      const file = savedModel(binding, noted, inputTypes, weights);
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-graph-'));
      let session: number;
      try {
        fs.writeFileSync(path.join(folder, 'saved_model.pb'), file);
        session = binding.loadSavedModel(folder, TAG);
      } finally {
        fs.rmSync(folder, { recursive: true, force: true });
      }
      const feeds = [
        ...inputTypes.map((_, i) => `input${i}:0`),
        ...Array.from({ length: weights }, (_, i) => `weight${i}:0`),
      ].join();
      // An output may be an input that nothing changed.
      const isInput = (name: string) => /^input\d+$/.test(name);
      const made = noted.outputs.filter((name) => !isInput(name));
      const fetches = made.map((name) => (name.includes(':') ? name : `${name}:0`)).join();
      return {
        run(inputs, weightTensors) {
          const ids = backend.getInputTensorIds([...inputs, ...weightTensors]);
          const results = binding.runSavedModel(session, ids, feeds, fetches);
          return noted.outputs.map((name) =>
            isInput(name)
              ? inputs[Number(name.slice('input'.length))]
              : backend.createOutputTensor(results[made.indexOf(name)]),
          );
        },
        dispose: () => binding.deleteSavedModel(session),
      };
    },
  };
}

// ── The file ────────────────────────────────────────────────────────────────────────────────────
// libtensorflow takes a graph from a file in protocol buffers: tensorflow/core/protobuf/
// saved_model.proto, meta_graph.proto, and core/framework/graph.proto and what that includes.

const TAG = 'serve';
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

/** A SavedModel of one graph. */
function savedModel(
  binding: NodeBackend['binding'],
  { nodes, constants }: Noted,
  inputTypes: number[],
  weights: number,
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
  const graph = Buffer.concat([
    ...inputTypes.map((dtype, i) => placeholder(`input${i}`, dtype)),
    ...Array.from({ length: weights }, (_, i) => placeholder(`weight${i}`, binding.TF_FLOAT)),
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
    ...nodes.map(({ name, op, inputs, attributes }) =>
      node(name, op, inputs, ...attributes.map((one) => attribute(one.name, attributeValue(one)))),
    ),
    message(4, integer(1, PRODUCER)),
  ]);
  return Buffer.concat([integer(1, 1), message(2, message(1, message(4, TAG)), message(2, graph))]);
}
