import { formatInspection, inspect } from '../checkpoint/inspect';
import { findModelFolder } from '../hub/modelFolder';
import { type Command, JSON_OPTION, type Options } from './command';

export const inspectCommand: Command = {
  name: 'inspect <model>',
  description: 'Show config, tensors and memory of a checkpoint, of any model type',
  usage: 'inspect <model, or a .safetensors file> [options]',
  options: [JSON_OPTION],
  examples: ['tiller inspect gemma-2-2b'],
  run: runInspect,
};

function runInspect([given]: string[], options: Options): number {
  const place = given.endsWith('.safetensors') ? given : findModelFolder(given).dir;
  const inspection = inspect(place);
  console.log(
    options.json
      ? JSON.stringify({ model: place, ...inspection })
      : formatInspection(inspection, place),
  );
  return 0;
}
