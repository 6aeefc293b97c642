import * as fs from 'node:fs';
import * as path from 'node:path';
import { projectRoot } from '../../../src/util/version';

/** A path as the user gave it, else the same path in the project's folder. */
export function inputPath(given: string): string {
  const inProject = path.join(projectRoot, given);
  return !path.isAbsolute(given) && !fs.existsSync(given) && fs.existsSync(inProject)
    ? inProject
    : given;
}
