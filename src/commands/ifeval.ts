import { main } from '../../ifeval/cli';
import { TILLER } from '../util/invocation';
import type { Command } from './command';

export const ifevalCommand: Command = {
  name: 'ifeval',
  description: "Check answers against IFEval's instructions, in place of the official script",
  program: true,
  run: (words) => main(words, `${TILLER} ifeval`),
};
