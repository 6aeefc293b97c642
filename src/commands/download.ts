import { run } from '../../weights/download';
import type { Command } from './command';

export const downloadCommand: Command = {
  name: 'download <model>',
  description: 'Fetch a model from the Hugging Face Hub',
  program: true,
  run: (words) => run(words),
};
