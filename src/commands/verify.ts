import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadModel } from '../../models';
import { useBackend } from '../backend';
import { findModelFolder } from '../hub/modelFolder';
import { InputError } from '../util/errors';
import { formatVerify, verify, verifyToJson } from '../verify';
import { BACKEND_OPTION, type Command, JSON_OPTION, type Options, text } from './command';

export const verifyCommand: Command = {
  name: 'verify <model>',
  description: 'Compare a checkpoint with values of the reference implementation',
  usage: 'verify <model> [options]',
  options: [
    ['--reference <file>', 'Reference (default: reference.safetensors in the folder)'],
    BACKEND_OPTION,
    JSON_OPTION,
  ],
  examples: [
    'tiller verify /path/to/model',
    'python scripts/write_reference.py <dir>   # writes the reference of any checkpoint',
  ],
  run: runVerify,
};

async function runVerify([given]: string[], options: Options): Promise<number> {
  const { dir } = findModelFolder(given);
  const reference = text(options, 'reference') ?? join(dir, 'reference.safetensors');
  if (!existsSync(reference)) {
    throw new InputError(
      `${reference}: no such file. Write one with: python scripts/write_reference.py ${dir}`,
    );
  }
  const backend = await useBackend(text(options, 'backend'));
  const start = performance.now();
  const model = loadModel(dir);
  const loading = (performance.now() - start) / 1000;
  try {
    const result = await verify(model, reference);
    const { name, detail } = backend;
    console.log(
      options.json
        ? JSON.stringify({
            model: dir,
            model_type: model.modelType,
            backend: { name, detail },
            load_seconds: loading,
            ...verifyToJson(result),
          })
        : formatVerify(
            result,
            `${dir} (${model.modelType}) on ${name} (${detail}): loaded in ${loading.toFixed(2)} s, checked in ${result.seconds.toFixed(2)} s`,
          ),
    );
    return result.passed ? 0 : 1;
  } finally {
    model.dispose();
  }
}
