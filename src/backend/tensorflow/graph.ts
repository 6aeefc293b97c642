/** Ops of libtensorflow, noted as they run, as a function that runs them in one call. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Graph, Program, Recorder } from '../recordings';
import type { Attribute, FunctionCalls, NodeBackend } from './binding';
import { graphDef, type Noted, NotNoted } from './graphDef';
import type { TensorflowOps } from './ops';

/**
 * What notes ops on this backend; null where the addon can't take a function: tfjs-node as it comes
 * from npm can't, the one that `setup-tensorflow` compiles can.
 */
export function graphRecorder(backend: NodeBackend, op: TensorflowOps): Recorder | null {
  const { addFunction } = backend.binding;
  return addFunction ? recorderOf(backend, op) : null;
}

function recorderOf(backend: NodeBackend, op: TensorflowOps): Recorder {
  const idOf = (x: tf.Tensor) => backend.getInputTensorIds([x])[0];
  const dtypeOf = (x: tf.Tensor) => backend.tensorMap.get(x.dataId).dtype;

  return {
    record(inputs, weights, body) {
      const { binding } = backend;
      const ran: { op: string; attributes: Attribute[]; inputs: number[]; outputs: number[] }[] =
        [];
      // Before `body`, which frees the pieces of the cache that it joins.
      const ids = [...inputs, ...weights].map(idOf);
      const given = [...inputs, ...weights].map(dtypeOf);
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
      const nodes: Noted['nodes'] = [];
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
          inputs: ids.map((id, i) => ({ name: names.get(id)!, dtype: given[i] })),
          nodes,
          constants,
          outputs: outputs.map((x) => nameOf(idOf(x), 'an output')),
        };
        if (new Set(noted.outputs).size < outputs.length) {
          throw new NotNoted('one tensor is two outputs');
        }
        return { outputs, program: programOf(backend, noted) };
      } catch (error) {
        if (error instanceof NotNoted) return { outputs, program: error.message };
        throw error;
      }
    },
  };
}

/** Functions made by this process: each has a name of its own. */
let made = 0;

function programOf(backend: NodeBackend, noted: Noted): Program {
  const binding = backend.binding as NodeBackend['binding'] & FunctionCalls;
  const { text, bytes } = graphDef(binding, noted);
  return {
    signature: text,
    build(): Graph {
      const name = `tiller_step_${made++}`;
      const inputs = noted.inputs.map((input) => input.name);
      // An output may be an input that nothing changed.
      const isInput = (output: string) => /^input\d+$/.test(output);
      const outputs = noted.outputs.filter((output) => !isInput(output));
      binding.addFunction(name, bytes(), inputs, outputs);
      return {
        run(tensors, weights) {
          const ids = backend.getInputTensorIds([...tensors, ...weights]);
          const results = binding.executeOp(name, [], ids, outputs.length);
          return noted.outputs.map((output) =>
            isInput(output)
              ? tensors[inputs.indexOf(output)]
              : backend.createOutputTensor(results[outputs.indexOf(output)]),
          );
        },
        dispose: () => binding.removeFunction(name),
      };
    },
  };
}
