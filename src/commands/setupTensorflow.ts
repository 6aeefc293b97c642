import * as fs from 'node:fs';
import * as path from 'node:path';
import { setupTensorflow } from '../backend/tensorflow/setup';
import { InputError } from '../util/errors';
import { type Command, text } from './command';

export const setupTensorflowCommand: Command = {
  name: 'setup-tensorflow',
  description:
    'Put libtensorflow under tfjs-node, for the tensorflow backend (needs Python with pip)',
  options: [
    ['--cuda', 'For NVIDIA cards, with the CUDA libraries'],
    ['--wheel <file>', 'From a TensorFlow wheel that is already here'],
  ],
  examples: ['tiller setup-tensorflow', 'tiller setup-tensorflow --cuda'],
  async run(_words, options) {
    const given = text(options, 'wheel');
    const wheel = given === undefined ? undefined : path.resolve(given);
    if (wheel && !fs.existsSync(wheel)) {
      throw new InputError(`--wheel ${wheel}: there is no such file.`);
    }
    try {
      await setupTensorflow({ cuda: Boolean(options.cuda), wheel });
    } catch (error) {
      // The last lines of a program that failed keep their form.
      const [first, ...lines] = String((error as Error).message).split('\n');
      if (!(error instanceof InputError) || !lines.length) throw error;
      console.error(lines.join('\n'));
      throw new InputError(first);
    }
    return 0;
  },
};
