/** The sections that every report has: cells, curves over layers and weights, lengths of answers. */
import {
  cellsChart,
  distribution,
  type LayerPoint,
  layerCurve,
  type WeightPoint,
  weightCurve,
} from '../../../src/report/charts';
import type { Figure, Section } from '../../../src/report/types';
import { isMostlyBroken } from '../answers/broken';
import type { ScoredRow } from '../answers/cells';
import { groupBy } from '../groupBy';
import { type Described, howOf, type ReportCell } from './described';

const INTERVALS =
  'Lines are 95 % intervals of a bootstrap over queries: where two of them hardly overlap, chance ' +
  'alone is an unlikely reason for the difference.';

export function cellsSection({ cells, table }: Pick<Described, 'cells' | 'table'>): Section {
  const nameOf = namesOf(cells);
  const spec = cellsChart(
    cells.map((cell) => ({
      prompts: cell.prompts,
      steering: nameOf(cell),
      steered: cell.steering !== 'none',
      share: cell.stats.accuracy,
      interval: cell.stats.accuracy_interval,
    })),
  );
  return {
    title: 'The cells',
    tables: [{ table }],
    figures: [
      {
        id: 'cells',
        title: 'Answers that obey',
        caption:
          'Share of the answers of each cell that do what is asked for, whether the prompt asks for it ' +
          `or steering alone; grey is unsteered. ${INTERVALS}`,
        spec,
      },
    ],
  };
}

/** Where cells differ in their layer: a curve for each kind of prompts. */
export function layersSection(cells: ReportCell[]): Section[] {
  const figures = groupBy(cells, ({ prompts }) => prompts).flatMap((own, at) => {
    const steered = own.filter(({ steering, layer }) => steering !== 'none' && isNumber(layer));
    if (new Set(steered.map(({ layer }) => layer)).size < 2) return [];
    return [layerFigure(own, steered, at)];
  });
  return figures.length ? [{ title: 'Layers', figures }] : [];
}

function layerFigure(own: ReportCell[], steered: ReportCell[], at: number): Figure {
  const seriesOf = (cell: ReportCell) => howOf({ ...cell, layer: null });
  const several = new Set(steered.map(seriesOf)).size > 1;
  const series = (cell: ReportCell) => (several ? { series: seriesOf(cell) } : {});
  const points = steered.map((cell): LayerPoint => {
    const { accuracy: share, accuracy_interval: interval, median_perplexity } = cell.stats;
    return {
      ...{ layer: cell.layer as number, share, interval, perplexity: median_perplexity },
      degenerate: isMostlyBroken(cell.stats),
      ...series(cell),
    };
  });
  const selected = groupBy(steered, seriesOf).flatMap((line) => {
    const best = bestOf(line);
    return best ? [{ layer: best.layer as number, ...series(best) }] : [];
  });
  const none = own.find(({ steering }) => steering === 'none');
  const unsteered = none && {
    share: none.stats.accuracy,
    perplexity: none.stats.median_perplexity,
  };
  return {
    id: at ? `layers-${at + 1}` : 'layers',
    title: own[0].prompts,
    caption:
      'What steering at each single layer gives. A ring marks the layer that is obeyed most; a cross a ' +
      'layer where most answers are empty or repeat themselves, which never counts as the best. Below, ' +
      'the median perplexity of the answers: far above unsteered, they are no fluent text.',
    spec: layerCurve(points, { selected, ring: 'obeyed most', unsteered }),
  };
}

/** The cell that is obeyed most, of those whose answers are not mostly broken. */
export function bestOf(cells: ReportCell[]): ReportCell | undefined {
  return cells
    .filter(({ stats }) => !isMostlyBroken(stats))
    .reduce<ReportCell | undefined>(
      (best, cell) => (best && best.stats.accuracy >= cell.stats.accuracy ? best : cell),
      undefined,
    );
}

/** Where a steering has several weights: what each gains and costs. */
export function weightsSection(cells: ReportCell[]): Section[] {
  const nameOf = namesOf(cells);
  const lineOf = (cell: ReportCell) => nameOf({ ...cell, weight: null });
  const figures = groupBy(cells, ({ prompts }) => prompts).flatMap((own, at) => {
    const lines = groupBy(
      own.filter(({ weight }) => (weight ?? null) !== null),
      lineOf,
    ).filter((line) => new Set(line.map(({ weight }) => weight)).size > 1);
    const points = lines.flat().flatMap((cell) => weightPoint(cell, lineOf(cell)));
    if (!points.length) return [];
    const none = own.find(({ steering }) => steering === 'none')?.stats;
    const unsteered =
      none?.median_perplexity != null
        ? { share: none.accuracy, perplexity: none.median_perplexity }
        : null;
    return [
      {
        id: at ? `weights-${at + 1}` : 'weights',
        title: own[0].prompts,
        caption:
          'Each line goes from the unsteered answers through growing weights. Up is more obedience, to ' +
          'the right less fluent text: the median perplexity of the answers. The weight to take is the ' +
          'last before the line turns right.',
        spec: weightCurve(points, { unsteered }),
      },
    ];
  });
  return figures.length ? [{ title: 'Weights', figures }] : [];
}

function weightPoint(cell: ReportCell, steering: string): WeightPoint[] {
  const { accuracy, median_perplexity } = cell.stats;
  if (median_perplexity === null) return [];
  const label = String(cell.weight);
  return [
    {
      steering,
      // `0.5x` of the mean difference, or a length.
      weight: Math.abs(Number.parseFloat(label)),
      label,
      share: accuracy,
      perplexity: median_perplexity,
    },
  ];
}

/** More would be a tall picture that says little. */
const MOST_DISTRIBUTIONS = 12;

/** A number of every answer, cell by cell: a figure for each kind of prompts. */
export function distributionSection<R extends ScoredRow>(
  rows: R[],
  described: Pick<Described<R>, 'cellOf'>,
  { title, unit, id, of }: { title: string; unit: string; id: string; of(row: R): number },
): Section[] {
  const parts = groupBy(rows, (row) => described.cellOf(row).prompts).map((own) =>
    groupBy(own, (row) => described.cellOf(row).how).map((group) => ({
      prompts: described.cellOf(group[0]).prompts,
      name: described.cellOf(group[0]).how,
      values: group.map(of),
      steered: (group[0] as { steering?: string }).steering !== 'none',
    })),
  );
  const figures = parts.map((cells, at): Figure => {
    const left = cells.length - MOST_DISTRIBUTIONS;
    return {
      id: at ? `${id}-${at + 1}` : id,
      title: cells[0].prompts,
      caption:
        `How many ${unit} the answers of each cell have, as shares of them; the line is the median.` +
        (left > 0 ? ` ${left} more cells are in the table of answers only.` : ''),
      spec: distribution(cells.slice(0, MOST_DISTRIBUTIONS), { unit, over: parts.flat() }),
    };
  });
  return figures.length ? [{ title, figures }] : [];
}

type Place = Omit<ReportCell, 'stats'>;

/** How cells are called: without the layer, where it is the same in all. */
export function namesOf(cells: Place[]): (cell: Place) => string {
  const layers = new Set(cells.flatMap(({ layer }) => layer ?? []));
  return (cell) => howOf(layers.size > 1 ? cell : { ...cell, layer: null });
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
