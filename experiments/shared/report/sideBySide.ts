/** Several runs of an experiment beside each other: a table of all cells, bars, curves. */
import { type Bar, groupedBars, type LayerPoint, layerCurve } from '../../../src/report/charts';
import type { Figure, Section } from '../../../src/report/types';
import { type ColumnOf, percent, type Table, tableOf } from '../../../src/util/table';
import { isMostlyBroken } from '../answers/broken';
import { statsColumns } from '../answers/tables';
import { groupBy } from '../groupBy';
import { bestOf } from './cellSections';
import { howOf, type ReportCell } from './described';

export interface LabelledCells {
  label: string;
  cells: ReportCell[];
}

/** Colours that are told apart. */
const MOST_SERIES = 8;

export function sideBySide(runs: LabelledCells[]): Section {
  const figures = [barsFigure(runs), ...layersFigure(runs)];
  return {
    title: 'Side by side',
    text:
      runs.length > MOST_SERIES
        ? [`The figure has the first ${MOST_SERIES} of ${runs.length} runs, the table all.`]
        : [],
    figures,
    tables: [{ table: cellsTable(runs) }],
  };
}

/** Every cell of every run. */
function cellsTable(runs: LabelledCells[]): Table {
  const items = runs.flatMap(({ label, cells }) => cells.map((cell) => ({ label, cell })));
  const stats = items.map(({ cell }) => cell.stats);
  const columns: ColumnOf<(typeof items)[number]>[] = [
    { name: 'run', label: true, cell: ({ label }) => label },
    { name: 'steering', label: true, cell: ({ cell }) => howOf(cell) },
    ...statsColumns(true, stats).map(({ cell: figure, ...column }) => ({
      ...column,
      cell: ({ cell }: (typeof items)[number]) => figure(cell.stats),
    })),
    { name: 'broken', extra: true, cell: ({ cell }) => percent(cell.stats.broken) },
  ];
  return tableOf(columns, items, ({ cell }) => cell.prompts);
}

/** Of each kind of prompts: unsteered, and the steering that is obeyed most. */
function barsFigure(runs: LabelledCells[]): Figure {
  const bars = runs.slice(0, MOST_SERIES).flatMap(({ label, cells }) =>
    groupBy(cells, ({ prompts }) => prompts).flatMap((own): Bar[] => {
      const none = own.find(({ steering }) => steering === 'none');
      const best = bestOf(own.filter((cell) => cell !== none));
      const bar = (how: string, { stats }: ReportCell): Bar => ({
        group: `${own[0].prompts.replace(' in the prompt', '')}: ${how}`,
        series: label,
        value: stats.accuracy,
        interval: stats.accuracy_interval,
      });
      return [...(none ? [bar('unsteered', none)] : []), ...(best ? [bar('steered', best)] : [])];
    }),
  );
  return {
    id: 'side-by-side',
    title: 'Answers that obey, run by run',
    caption:
      'Shares of answers with 95 % intervals. Where a run steers in several ways, the one that is ' +
      'obeyed most stands here (mostly empty or repeating answers do not count); all are in the table.',
    spec: groupedBars(bars, { axis: { title: 'answers that obey', percent: true } }),
  };
}

/** The curves over layers of all runs in one: runs that each have one layer make one line. */
function layersFigure(runs: LabelledCells[]): Figure[] {
  const prompts = runs[0].cells[0]?.prompts;
  const steered = runs.flatMap(({ label, cells }) =>
    cells
      .filter((cell) => cell.prompts === prompts && cell.steering !== 'none')
      .filter(({ layer }) => typeof layer === 'number')
      .map((cell) => ({ label, cell })),
  );
  const layers = new Set(steered.map(({ cell }) => cell.layer));
  if (layers.size < 2) return [];
  const perRun = groupBy(steered, ({ label }) => label).every(
    (own) => new Set(own.map(({ cell }) => cell.layer)).size > 1,
  );
  const seriesOf = ({ label, cell }: (typeof steered)[number]) => {
    const how = howOf({ ...cell, layer: null });
    return perRun ? `${label} ${how}` : how;
  };
  // Runs of different settings make no line together.
  const places = new Set(steered.map((one) => `${one.cell.layer} ${seriesOf(one)}`));
  if (places.size < steered.length) return [];
  const lines = groupBy(steered, seriesOf).slice(0, MOST_SERIES);
  const points = lines.flat().map((one): LayerPoint => {
    const { accuracy: share, accuracy_interval: interval, median_perplexity } = one.cell.stats;
    return {
      ...{ layer: one.cell.layer as number, share, interval, perplexity: median_perplexity },
      degenerate: isMostlyBroken(one.cell.stats),
      series: seriesOf(one),
    };
  });
  const selected = lines.flatMap((line) => {
    const best = bestOf(line.map(({ cell }) => cell));
    return best ? [{ layer: best.layer as number, series: seriesOf(line[0]) }] : [];
  });
  return [
    {
      id: 'side-by-side-layers',
      title: `Layers, ${prompts.toLowerCase()}`,
      caption:
        'What steering at each layer gives. A ring marks the best of a line, a cross a layer where most ' +
        'answers are empty or repeat themselves.',
      spec: layerCurve(points, { selected, ring: 'obeyed most' }),
    },
  ];
}
