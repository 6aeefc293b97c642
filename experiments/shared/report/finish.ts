/** Every run ends with its report, in its folder. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Report } from '../../../src/report/types';
import { hashOf } from '../../../src/util/hash';
import { explainFailure } from '../../../src/util/program';
import { type ReportedFolder, readDescribed, reportOn } from './build';

/** What a step is told about reports. */
export interface Reporting {
  /** Whether reports are written. */
  report: boolean;
  /** To be told which finished run has one: several have one together. */
  reported(run: ReportedFolder): void;
}

/** Says where the results of a finished run are, and writes its report there. */
export async function endWithReport(
  { report, reported }: Reporting,
  folder: string,
  describe: ReportedFolder['describe'],
): Promise<void> {
  reported({ folder, describe });
  const build = () => reportOn([readDescribed({ folder, describe })]);
  await endWith({ report }, folder, 'All answers and figures', build);
}

/** The same for other results. @param what lies in the folder */
export async function endWith(
  { report }: Pick<Reporting, 'report'>,
  folder: string,
  what: string,
  build: () => Report,
): Promise<void> {
  const written = report && (isUpToDate(folder) || (await write(folder, build)));
  console.log(`\n${what}: ${folder}${written ? ` (to look at: ${PAGE})` : ''}`);
}

/** What the report is called. */
const PAGE = 'report.html';

/**
 * One report on the runs of one command: those of the experiment that ended last. Nothing for a run
 * alone.
 */
export async function writeJoined(all: ReportedFolder[]): Promise<void> {
  const { describe } = all.at(-1) ?? {};
  const own = all.filter((one) => one.describe === describe);
  const runs = [...new Map(own.map((one) => [one.folder, one])).values()];
  if (runs.length < 2) return;
  const above = commonFolder(runs.map(({ folder }) => folder));
  const folder = path.join(
    above,
    'reports',
    hashOf(runs.map((one) => path.relative(above, one.folder))),
  );
  const done = await write(folder, () => reportOn(runs.map(readDescribed)));
  if (done) console.log(`\nOne report on these ${runs.length} runs: ${path.join(folder, PAGE)}`);
}

/**
 * The run is finished, and stays so whatever becomes of its report: what goes wrong is said, and the
 * process ends with the exit code of that.
 */
export async function write(folder: string, build: () => Report): Promise<boolean> {
  try {
    const report = build();
    // Loaded here: it takes a while.
    const { writeReport } = require('../../../src/report') as typeof import('../../../src/report');
    const { missing } = await writeReport(report, folder);
    if (missing) console.error(missing);
    return true;
  } catch (error) {
    const { message, code } = explainFailure(error);
    console.error(`The results in ${folder} are kept, but there is no report on them:`);
    console.error(code === 2 ? message : error);
    process.exitCode = code;
    return false;
  }
}

/** Whether nothing was added to the run since its report was written, with pictures. */
function isUpToDate(folder: string): boolean {
  const page = fs.statSync(path.join(folder, PAGE), { throwIfNoEntry: false });
  if (!page || !fs.existsSync(path.join(folder, 'figures'))) return false;
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const rows = names.filter((name) => path.basename(name) === 'out.jsonl');
  if (!rows.length) return false;
  return rows.every((name) => fs.statSync(path.join(folder, name)).mtimeMs <= page.mtimeMs);
}

/** The innermost folder that they are all in. */
export function commonFolder(folders: string[]): string {
  const [first, ...others] = folders.map((folder) =>
    path.dirname(path.normalize(folder)).split(path.sep),
  );
  const same = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return (
    first.slice(0, same < 0 ? undefined : same).join(path.sep) ||
    (path.isAbsolute(folders[0]) ? path.sep : '.')
  );
}
