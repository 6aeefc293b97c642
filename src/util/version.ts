import * as fs from 'node:fs';
import * as path from 'node:path';

/** Where package.json, configs and weights are. */
export const projectRoot = path.join(__dirname, '../..');

const { version } = JSON.parse(fs.readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as {
  version: string;
};

/** What files say they were made by: `tiller 0.2.0`. */
export const toolVersion = `tiller ${version}`;
