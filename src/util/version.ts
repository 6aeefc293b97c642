import * as fs from 'node:fs';
import * as path from 'node:path';

/** The nearest folder, from `folder` up, that holds package.json. */
function packageAround(folder: string): string {
  if (fs.existsSync(path.join(folder, 'package.json'))) return folder;
  return packageAround(path.dirname(folder));
}

/**
 * Where package.json and weights are: the clone, or the installed package, whose compiled files
 * are in dist/.
 */
export const projectRoot = packageAround(__dirname);

const { version } = JSON.parse(fs.readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** What files say they were made by: `tiller 0.2.0`. */
export const toolVersion = `tiller ${version}`;
