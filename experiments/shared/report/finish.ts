/** Every run ends with its report, in its folder. */
import * as path from 'node:path';
import type { Loaded } from '../../../src/report/draw/drawing';
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
  const written = report && (await write(folder, build));
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
 * Writes a report, also over an older one: figures of judges may have come since. The run is finished,
 * and stays so whatever becomes of its report: what goes wrong is said, and the process ends with the
 * exit code of that.
 * @returns whether there is a report now
 */
export async function write(
  folder: string,
  build: () => Report,
  loading?: () => Promise<Loaded>,
): Promise<boolean> {
  try {
    const report = build();
    // Loaded here: it takes a while.
    const { writeReport } = require('../../../src/report') as typeof import('../../../src/report');
    const { missing } = await writeReport(report, folder, loading);
    if (missing) console.error(missing);
    return true;
  } catch (error) {
    const { message, code } = explainFailure(error);
    console.error(`${PAGE} is not written; the results in ${folder} are kept. ${message}`);
    // A defect is reported with its stack.
    if (code === 1) console.error(error);
    process.exitCode = code;
    return false;
  }
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
