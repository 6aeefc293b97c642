/** A report on folders of any experiments; what `tiller report` runs. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Report, ReportedRun, Section } from '../../src/report/types';
import { listRuns } from '../../src/runs/listRuns';
import { readRun } from '../../src/runs/runFolder';
import { InputError } from '../../src/util/errors';
import { isFolder } from '../../src/util/files';
import { describeComposition } from '../composition/parts/figures';
import { describeCustom } from '../custom/parts/figures';
import { describeFormat, describeLayerSearch } from '../format/parts/figures';
import { describeKeywords } from '../keywords/parts/figures';
import { describeLength } from '../length/parts/figures';
import {
  analysisRuns,
  analysisSections,
  holdsAnalyses,
  reportOnAnalyses,
  resultsSection,
  type WrittenTable,
} from '../paper/parts/figures';
import { comparedTables } from '../paper/parts/paperCells';
import { resultCell } from '../paper/parts/results';
import type { Experiment } from '../paper/parts/runs';
import { published } from '../shared/command/presets';
import {
  type DescribedRun,
  type ReportedFolder,
  readDescribed,
  reportOn,
} from '../shared/report/build';

interface Kind {
  /** Whether a config is that of such a run. */
  fits(config: Record<string, unknown>): boolean;
  describe: ReportedFolder['describe'];
  /** As the paper's tables know it. */
  experiment?: Experiment;
}

/** All experiments, by what their configs say. */
const KINDS: Kind[] = [
  {
    fits: ({ step }) => step === 'find_best_layer',
    describe: describeLayerSearch as Kind['describe'],
  },
  {
    fits: ({ step }) => step === 'evaluate',
    describe: describeFormat as Kind['describe'],
    experiment: 'format',
  },
  {
    fits: (config) => 'specific_instruction' in config,
    describe: describeKeywords as Kind['describe'],
    experiment: 'keywords',
  },
  {
    fits: (config) => 'format_steering' in config,
    describe: describeComposition as Kind['describe'],
    experiment: 'composition',
  },
  {
    fits: (config) => 'pairs_path' in config,
    describe: describeCustom as Kind['describe'],
  },
  {
    fits: (config) => 'length_rep_type' in config,
    describe: describeLength as Kind['describe'],
    experiment: 'length',
  },
];

/**
 * @param folders of runs and of the paper's analyses, or folders that hold such
 * @param tell told of runs that are left out because they can't be read
 * @throws InputError for a folder that neither is a run nor holds one, saying why
 */
export function reportOnAll(folders: string[], tell: (line: string) => void = () => {}): Report {
  const places = [...new Set(folders.flatMap((folder) => placesIn(folder, tell)))];
  const analyses = places.filter(holdsAnalyses);
  const runs = places
    .filter((place) => !holdsAnalyses(place))
    .map((folder) => readDescribed(runAt(folder)));
  if (!runs.length && analyses.length === 1) return reportOnAnalyses(analyses[0]);
  const sections = analyses.flatMap((folder) => [...analysisSections(folder)]);
  const more = sections.length ? sections : besidePaper(runs);
  if (!runs.length) return joinAnalyses(analyses);
  const report = reportOn(runs, more);
  return { ...report, runs: [...analyses.flatMap(runsOf), ...report.runs] };
}

const modelOf = (folder: string) => path.basename(path.dirname(path.resolve(folder)));
const runsOf = (folder: string): ReportedRun[] => analysisRuns(folder, modelOf(folder));

/** The analyses of several models, one after the other. */
function joinAnalyses(folders: string[]): Report {
  const parts = folders.map(reportOnAnalyses);
  return {
    title: `Analyses of ${folders.length} models`,
    summary: folders.map(modelOf).join(' · '),
    sections: parts.flatMap(({ sections }, i) =>
      sections.map((section) => ({
        ...section,
        title: `${modelOf(folders[i])}: ${section.title}`,
        figures: section.figures?.map((figure) => ({ ...figure, id: `m${i + 1}-${figure.id}` })),
      })),
    ),
    runs: parts.flatMap((part) => part.runs),
  };
}

/** A run that is asked for by its folder. @throws InputError for one of no experiment known */
function runAt(folder: string): ReportedFolder {
  const { config } = readRun(folder);
  const kind = KINDS.find(({ fits }) => fits(config));
  if (kind) return { folder, describe: kind.describe };
  throw new InputError(`${folder} is a run of none of the experiments that reports know.`);
}

/** The folder itself, where it is a run or holds analyses; else those below it. */
function placesIn(folder: string, tell: (line: string) => void): string[] {
  if (!isFolder(folder)) throw new InputError(`There is no folder ${folder}.`);
  const names = ['config.yaml', 'out.jsonl', 'summary.json'];
  const isOne = names.some((name) => fs.existsSync(path.join(folder, name)));
  if (isOne || holdsAnalyses(folder)) return [path.normalize(folder)];
  const runs = listRuns(folder).filter(({ folder: place, problem, rows }) => {
    const why = problem ?? (rows ? null : 'it has no finished rows yet');
    if (why) tell(`Left out: ${place}: ${why}`);
    return !why;
  });
  const found = [...runs.map((run) => run.folder), ...analysesBelow(folder)];
  if (found.length) return found;
  throw new InputError(
    `${folder} is no run, and there is none below it: no folder with a config.yaml.`,
  );
}

function analysesBelow(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const below = names.map((name) => path.join(folder, name));
  return below.filter((place) => isFolder(place) && holdsAnalyses(place));
}

/** Our cells beside the paper's, for the runs of models that it has numbers of. */
function besidePaper(runs: DescribedRun[]): Section[] {
  const tables = runs.flatMap(({ run: { folder, config, summary } }): WrittenTable[] => {
    const { experiment } = KINDS.find(({ fits }) => fits(config)) ?? {};
    const preset = typeof config.preset === 'string' ? config.preset : null;
    const found = published(String(config.model_name), preset);
    if (!experiment || !found || !Array.isArray(summary?.cells)) return [];
    const own = { experiment, config, summary: { cells: summary.cells } };
    return comparedTables(own, found)
      .filter(({ cells }) => cells.some(({ paper }) => paper !== null))
      .map(({ name, cells, ...table }) => ({
        ...table,
        table: runs.length > 1 ? `${name}, ${folder}` : name,
        cells: cells.map(resultCell),
      }));
  });
  return tables.length ? [resultsSection(tables)] : [];
}
