/** What `tiller report` does: see src/commands/report.ts. */
import * as path from 'node:path';
import { hashOf } from '../../src/util/hash';
import { commonFolder } from '../shared/report/finish';
import { reportOnAll } from './reportOnAll';

/**
 * Writes one report over folders of runs and says where.
 * @param out null: the only folder given, else `reports/` in the innermost folder that they are all in
 * @returns the exit code
 * @throws InputError as `reportOnAll`; when it can't be written
 */
export async function reportFolders(folders: string[], out?: string): Promise<number> {
  const report = reportOnAll(folders, (line) => console.error(line));
  const folder = out ?? usualPlace(folders);
  const { writeReport } = require('../../src/report') as typeof import('../../src/report');
  const { page, missing } = await writeReport(report, folder);
  if (missing) console.error(missing);
  for (const { name, notices } of report.runs) {
    for (const notice of notices) console.log(`${name}: ${notice}`);
  }
  const n = report.runs.length;
  console.log(`Report on ${n} run${n === 1 ? '' : 's'}: ${page}`);
  return 0;
}

function usualPlace(folders: string[]): string {
  if (folders.length === 1) return folders[0];
  const above = commonFolder(folders);
  return path.join(above, 'reports', hashOf(folders.map((one) => path.relative(above, one))));
}
