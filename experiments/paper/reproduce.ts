// npx ts-node experiments/paper/reproduce.ts
// npx ts-node experiments/paper/reproduce.ts model_name=phi-3 only=format,keywords
import '../shared/command/help';
import * as path from 'node:path';
import { modelName } from '../../src/hub/modelFolder';
import {
  type ConfigOf,
  flag,
  loadConfig,
  nameText,
  nullable,
  parseOverride,
  readYaml,
  text,
  type YamlFile,
} from '../../src/runs/config';
import { hashOf } from '../../src/util/hash';
import { showTable, type Table, wrap } from '../../src/util/table';
import { run as composition } from '../composition/run';
import { run as format } from '../format/run';
import { run as keywords } from '../keywords/run';
import { run as length } from '../length/run';
import { reportOnAll } from '../report/reportOnAll';
import type { Command } from '../shared/command/commandLine';
import { defaultsFile } from '../shared/command/help';
import { WITHOUT_EFFECT } from '../shared/command/names';
import type { PlannedWork } from '../shared/command/plannedWork';
import { findPreset, presetSchema, published } from '../shared/command/presets';
import { silently } from '../shared/command/rehearse';
import { contextOf, runIfMain, runScript } from '../shared/command/script';
import { type PlannedStep, planSteps, type Run, runSteps } from '../shared/command/steps';
import { endWith } from '../shared/report/finish';
import { run as analyses } from './analyses';
import { comparedTables } from './parts/paperCells';
import { type Figures, type PlannedPart, planMemory, readPlan, rowCounts } from './parts/plan';
import { describePlan } from './parts/planTables';
import { openPlanTools } from './parts/planTools';
import { writeAnalysis } from './parts/report';
import { resultCell, resultsTable } from './parts/results';
import { PARTS, type Part, partsList, routeSettings } from './parts/routes';
import { EXPERIMENTS, findRuns, RUN_KEYS, type RunKey } from './parts/runs';
import { TimeLeft } from './parts/timeLeft';

const RUNS: Record<Part, Run> = { format, length, keywords, composition, analyses };

const schema = {
  model_name: text(),
  output_path: text(),
  name: nullable(nameText()),
  only: partsList,
  dry_run: flag(),
  ...presetSchema,
};
type Config = ConfigOf<typeof schema>;
const isOwn = (key: string) => Object.hasOwn(schema, key);

const NOTE =
  "within: the paper's number lies in our 95 % interval. Which rows, wordings and numbers of sentences " +
  'are drawn differs from the paper, so that answers can not be compared row by row.';

/** A step of one of the parts. */
interface Planned extends PlannedStep {
  part: Part;
}

/** The whole command; see configs/paper/reproduce.yaml. */
export async function reproduce(command: Command): Promise<Table | undefined> {
  const file = command.extraFile === undefined ? undefined : readYaml(command.extraFile);
  const config = ownConfig(command.overrides, file);
  const name = config.name ?? nameOf(command.overrides, file);
  const steps = stepsOf(config, name, command.overrides, file);
  const parts = await rehearseSteps(steps);
  const tools = await openPlanTools(command.overrides, rowCounts(parts));
  const figures = readPlan(parts, tools);
  if (config.dry_run) {
    const preset = findPreset(config.model_name, config.preset);
    console.log(`${config.model_name}: ${steps.length} steps of ${config.only.join(', ')}`);
    if (preset) console.log(`Settings of the paper for ${preset.name} (configs/paper).`);
    const memory = planMemory(parts, tools);
    console.log(`\n${describePlan(parts, figures, memory, { ...tools, wide: command.wide })}`);
    return undefined;
  }
  const made = await runAll(steps, figures, command);
  return showResults(config, name, { ...command, made, file });
}

runIfMain(__filename, reproduce);

/** The keys that are this program's own; most are those of steps too. */
function ownConfig(overrides: string[], file?: YamlFile): Config {
  const own = file && {
    source: file.source,
    content: Object.fromEntries(Object.entries(file.content).filter(([key]) => isOwn(key))),
  };
  return loadConfig(schema, defaultsFile(__filename), {
    extra: own ? [own] : [],
    overrides: overrides.filter((override) => isOwn(parseOverride(override).key)),
  });
}

/** `default`, or a hash of all that was changed. */
function nameOf(overrides: string[], file?: YamlFile): string {
  const changed = overrides
    .map(parseOverride)
    .filter(({ key }) => key === 'preset' || !WITHOUT_EFFECT.includes(key))
    .map(({ key, value }) => [key, value])
    .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return changed.length || file ? hashOf([changed, file?.content ?? null]) : 'default';
}

/** The steps of the parts asked for, each with its settings. The analyses go where the table goes. */
function stepsOf(config: Config, name: string, overrides: string[], file?: YamlFile): Planned[] {
  const stepsByPart = new Map(PARTS.map((part) => [part, RUNS[part].steps]));
  const known = overrides.filter((override) => !/^(only|dry_run)=/.test(override));
  const routed = routeSettings(stepsByPart, known, file && withoutKeys(file, ['only', 'dry_run']));
  return PARTS.filter((part) => config.only.includes(part)).flatMap((part) => {
    const { file: script, steps } = RUNS[part];
    const { overrides: own, extra } = routed.get(part)!;
    const here = part === 'analyses' ? [...own, ...forAnalyses(config, name, own)] : own;
    const planned = planSteps(defaultsFile(script), steps, { overrides: here, extra });
    return planned.map((step) => ({ ...step, part }));
  });
}

/** The analyses of the experiments that run here; all of them, where none does. */
function forAnalyses({ only }: Config, name: string, given: string[]): string[] {
  const experiments = EXPERIMENTS.filter((one) => only.includes(one));
  const of = experiments.length ? experiments : [...EXPERIMENTS];
  const keys = given.map((override) => parseOverride(override).key);
  const vectors = of.filter((one) => one !== 'composition');
  // Composition computes the format's vectors itself.
  const sets = of.includes('composition') ? [...new Set([...vectors, 'format'])] : vectors;
  return [
    ...(keys.includes('name') ? [] : [`name=${JSON.stringify(name)}`]),
    ...(keys.some((key) => key === 'of' || key === 'analyse_runs.of')
      ? []
      : [`analyse_runs.of=[${of}]`]),
    ...(keys.some((key) => key === 'of' || key === 'analyse_vectors.of')
      ? []
      : [`analyse_vectors.of=[${sets}]`]),
  ];
}

const withoutKeys = ({ source, content }: YamlFile, keys: string[]): YamlFile => ({
  source,
  content: Object.fromEntries(Object.entries(content).filter(([key]) => !keys.includes(key))),
});

/**
 * Dry runs of all steps, without a word.
 * @throws InputError where a step would fail early
 */
async function rehearseSteps(steps: Planned[]): Promise<PlannedPart[]> {
  const made = madeLists();
  const parts: PlannedPart[] = [];
  for (const { part, name, script, extra, overrides } of steps) {
    const works: PlannedWork[] = [];
    await silently(() =>
      runScript(script, extra, [...overrides, 'dry_run=true'], {
        step: name,
        ...made.of(part),
        plans: (work) => works.push(work),
      }),
    );
    parts.push({ experiment: part, step: name, works });
  }
  return parts;
}

/** @returns what the steps wrote */
async function runAll(steps: Planned[], figures: Figures[], command: Command): Promise<string[]> {
  const made = madeLists();
  const left = new TimeLeft(figures.map(({ seconds }) => seconds));
  let at = 0;
  for (const part of PARTS) {
    const own = steps.filter((step) => step.part === part);
    if (!own.length) continue;
    await runSteps(own, { ...contextOf(command), ...made.of(part) }, ({ name }) => {
      const title = `${at + 1}/${steps.length} ${part}: ${name}, ${left.before(at)}`;
      at++;
      return title;
    });
  }
  return made.all;
}

/** Each experiment takes what its own steps wrote; the analyses take all. */
function madeLists() {
  const all: string[] = [];
  const own = new Map<Part, string[]>();
  return {
    all,
    of(part: Part) {
      const made = own.get(part) ?? (part === 'analyses' ? all : []);
      own.set(part, made);
      const wrote = (place: string) => {
        if (made !== all) made.push(place);
        all.push(place);
      };
      return { made, wrote };
    },
  };
}

/** Shows our cells beside the paper's, and writes them. */
async function showResults(
  config: Config,
  name: string,
  {
    made,
    overrides,
    file,
    wide,
    report,
  }: Pick<Command, 'overrides' | 'wide' | 'report'> & {
    made: string[];
    file?: YamlFile;
  },
): Promise<Table | undefined> {
  const of = EXPERIMENTS.filter((one) => config.only.includes(one));
  if (!of.length) return undefined;
  const nothing = Object.fromEntries(RUN_KEYS.map((key) => [key, null])) as Record<RunKey, null>;
  const runs = findRuns({ ...config, of }, nothing, made);
  const found = published(config.model_name, config.preset);
  const compared = runs.map((run) => ({ run, tables: comparedTables(run, found) }));
  const tables = compared.flatMap((one) => one.tables);
  const folder = path.join(config.output_path, 'paper', modelName(config.model_name), name);
  writeAnalysis(folder, 'results', {
    what: "Our cells beside the paper's: shares that obey.",
    fields: {
      steered_by: 'the steering of the steered cells',
      ours: 'share that obeys; null where the run has no such cell',
      interval: '95 % of a bootstrap over queries',
      paper: "the paper's share; null where it has none",
      difference: "ours less the paper's",
      paper_in_interval: "whether the paper's lies in our interval",
    },
    from: {
      model: modelName(config.model_name),
      preset: findPreset(config.model_name, config.preset)?.name ?? null,
      only: config.only,
      settings: overrides,
      config: file?.content ?? null,
      runs: Object.fromEntries(runs.map((run) => [run.key, run.folder])),
    },
    tables: compared.flatMap(({ run, tables: own }) =>
      own.map(({ cells, name: table, steered_by, paper_n }) => ({
        ...{ table, run: run.folder, steered_by, paper_n },
        cells: cells.map(resultCell),
      })),
    ),
  });
  const table = resultsTable(tables, found !== undefined, wide);
  const title = found ? "Obeyed, beside the paper's" : 'Obeyed';
  console.log(`\n── ${title}\n\n${showTable(table, { wide })}`);
  if (found) console.log(wrap(NOTE).join('\n'));
  const places = runs.map(({ folder: place }) => place);
  await endWith({ report: report ?? false }, folder, 'All figures', () =>
    reportOnAll([folder, ...places]),
  );
  return table;
}
