import { type ListedRun, listRuns, type MainFigures } from '../runs/listRuns';
import { InputError } from '../util/errors';
import { fixed, percent, wrap } from '../util/table';
import { type Command, JSON_OPTION, type Options, text } from './command';

export const runsCommand: Command = {
  name: 'runs [folder]',
  description: 'List runs: what sets them apart, and their main figures',
  usage: 'runs [folder] [options]   (without a folder: runs)',
  options: [
    ['--experiment <name>', 'Only of this experiment: format, keywords, length, composition'],
    ['--model <name>', 'Only of this model, as its folder is called: tiny-gemma2'],
    JSON_OPTION,
  ],
  examples: ['tiller runs', 'tiller runs --experiment length --model tiny-gemma2'],
  run: showRuns,
};

function showRuns([folder = 'runs']: string[], options: Options): number {
  const experiment = text(options, 'experiment');
  const model = text(options, 'model');
  const all = listRuns(folder);
  const runs = all.filter(
    (run) =>
      (experiment === undefined || run.experiment === experiment) &&
      (model === undefined || run.model === model),
  );
  if (options.json) {
    const shown = runs.map((run) => ({ ...run, written: new Date(run.written).toISOString() }));
    console.log(JSON.stringify({ runs: shown }));
    return 0;
  }
  if (!runs.length) {
    const which = all.length
      ? `None of the ${all.length} runs in ${folder} is`
      : `No run in ${folder}`;
    const places = [...new Set(all.map(placeName))].join('; ');
    throw new InputError(
      all.length ? `${which} of that experiment and model. There are: ${places}.` : `${which}.`,
    );
  }
  const places = [...new Set(runs.map(placeName))];
  console.log(
    places
      .map((place) =>
        [place, ...runs.filter((run) => placeName(run) === place).map(describeRun)].join('\n'),
      )
      .join('\n\n'),
  );
  return 0;
}

const placeName = ({ experiment, model }: ListedRun) => `${experiment}, ${model}`;

/** A line for name, time and rows, then what sets it apart, its figures, and where its report is. */
function describeRun(run: ListedRun): string {
  const { name, problem, written, differs, figures, report } = run;
  const settings = Object.entries(differs).map(([key, value]) => `${key}=${show(value)}`);
  const lines = [problem, settings.join(' '), figures && describeFigures(figures)];
  return [
    `  ${name}  (${timeText(written)}, ${stateOf(run)})`,
    ...lines.filter(Boolean).flatMap((line) => wrap(`${line}`, 74).map((part) => `      ${part}`)),
    ...(report ? [`      report: ${report}`] : []),
  ].join('\n');
}

function stateOf({ problem, finished, rows, planned }: ListedRun): string {
  if (problem) return 'damaged';
  if (finished) return `${rows} rows`;
  return `unfinished: ${rows} of ${planned ?? '?'} rows`;
}

function describeFigures({ instructed, unsteered, steered, how, quality }: MainFigures): string {
  const prompt = `obeyed ${instructed ? 'with' : 'without'} the instruction`;
  const judged = quality ? `; quality ${qualityText(quality)}` : '';
  if (steered === null) return `${prompt}: ${percent(unsteered)}${judged}`;
  const before = unsteered === null ? '' : `${fixed(100 * unsteered, 1)} → `;
  return `${prompt}: ${before}${percent(steered)} by ${how}${judged}`;
}

/** `0.75 → 0.68`, or the one that there is. */
const qualityText = ({ unsteered, steered }: NonNullable<MainFigures['quality']>) =>
  [unsteered, steered].flatMap((mean) => fixed(mean) ?? []).join(' → ');

/** Of marks of content, as much as tells them apart. */
function show(value: unknown): string {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[0-9a-f]{16,}$/.test(shown) ? shown.slice(0, 8) : shown;
}

/** Local time, e.g. `2026-11-25 03:15`: Swedish dates are ISO ones. */
const timeText = (time: number) => new Date(time).toLocaleString('sv').slice(0, 16);
