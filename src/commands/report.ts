import * as fs from 'node:fs';
import * as path from 'node:path';
import { InputError } from '../util/errors';
import { IN_CLONE, isCompiled } from '../util/invocation';
import { projectRoot } from '../util/version';
import { type Command, type Options, text } from './command';

export const reportCommand: Command = {
  name: 'report [...folder]',
  description: 'Write one report.html over runs: figures, tables, all answers',
  usage: 'report <folder ...> [options]   (runs, or folders that hold runs)',
  options: [
    ['--out <folder>', 'Where to write it (default: the folder given, or reports/ above several)'],
  ],
  examples: [
    'tiller report runs/length/tiny-gemma2/default',
    'tiller report runs/format/tiny-gemma2/default runs/format/phi-3/default --out compared',
    'tiller report runs/keywords/tiny-gemma2',
  ],
  run: writeReport,
};

/** The experiments, which know what their runs hold: not part of the package that npm installs. */
interface Reports {
  reportFolders(folders: string[], out: string | undefined): Promise<number>;
}

async function writeReport(folders: string[], options: Options): Promise<number> {
  if (!folders.length) {
    throw new InputError('Give the folders of runs: report runs/length/tiny-gemma2/default.');
  }
  const file = path.join(projectRoot, 'experiments/report/index.ts');
  if (isCompiled || !fs.existsSync(file)) {
    throw new InputError(
      'Reports are made by the experiments, which are not in the installed package: in a clone of the ' +
        `project, ${IN_CLONE} src/cli.ts report <folder ...> takes folders of runs from anywhere.`,
    );
  }
  const { reportFolders } = require(file) as Reports;
  return reportFolders(folders, text(options, 'out'));
}
