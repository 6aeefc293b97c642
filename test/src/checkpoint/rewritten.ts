import * as fs from 'node:fs';
import * as path from 'node:path';
import { Safetensors, type TensorData, writeSafetensors } from '../../../weights/safetensors';

export type Tensors = Record<string, TensorData>;
export type Config = Record<string, unknown>;

const fixtures = path.join(__dirname, '../../fixtures');
let copies = 0;

/**
 * A fixture of one file with other tensors or another config, as a new folder.
 * @param scratch the folder that it goes into
 */
export function rewritten(
  scratch: string,
  name: string,
  edit: (tensors: Tensors, config: Config) => void,
): string {
  const dir = path.join(scratch, `model-${copies++}`);
  fs.cpSync(path.join(fixtures, name), dir, { recursive: true });
  const file = path.join(dir, 'model.safetensors');
  const configFile = path.join(dir, 'config.json');
  const source = Safetensors.open(file);
  const tensors: Tensors = {};
  for (const [tensor, { dtype, shape }] of source.tensors) {
    tensors[tensor] = { dtype, shape, data: source.readBytes(tensor) };
  }
  source.close();
  const config = JSON.parse(fs.readFileSync(configFile, 'utf8'));
  edit(tensors, config);
  writeSafetensors(file, tensors, { format: 'pt' });
  fs.writeFileSync(configFile, JSON.stringify(config));
  return dir;
}

/** Zeros. */
export const f32 = (...shape: number[]): TensorData => ({
  dtype: 'F32',
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
