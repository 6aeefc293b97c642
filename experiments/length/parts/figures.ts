/** What the report of a length run says. */
import { type AxisOf, groupedBars } from '../../../src/report/charts';
import type { Figure as Drawn, Section } from '../../../src/report/types';
import { promptSection } from '../../shared/answers/tables';
import { distributionSection, namesOf } from '../../shared/report/cellSections';
import type { Describe, Described, ReportCell } from '../../shared/report/described';
import { sentenceMarks } from '../../shared/report/marks';
import { computeCells, type LengthCell, type LengthRow, weightText } from './cells';
import { byLengthTable, cellsTable, type Figure, figures } from './tables';

export const describeLength: Describe<LengthRow> = ({ config, rows, judged }) => {
  const cells = computeCells(rows, judged);
  const constraint = String(config.constraint_type);
  const reported = cells.map((cell): ReportCell => ({ ...placeOf(cell), stats: cell }));
  const nameOf = namesOf(reported);
  const described: Described<LengthRow> = {
    title: 'Length',
    script: 'length/evaluate',
    summary:
      `questions answered in ${constraint.replace('_', ' ')} n sentences, n from 1 to ` +
      `${config.n_sent_max}, by steering alone and with the constraint in the prompt.`,
    cells: reported,
    table: cellsTable(cells, true),
    sections: [],
    filters: ['n asked for'],
    cellOf: (row) => {
      const place = placeOf(row);
      return { prompts: place.prompts, how: nameOf(place) };
    },
    rowOf: ({ key, n_sent, sentences, response }) => ({
      key: `${key} n=${n_sent}`,
      values: [String(n_sent)],
      evidence: `${sentences} sentence${sentences === 1 ? '' : 's'}, ${constraint.replace('_', ' ')} ${n_sent} wanted`,
      marks: sentenceMarks(response),
    }),
    notices: [],
  };
  const sentences = distributionSection(rows, described, {
    ...{ title: 'Sentences', unit: 'sentences', id: 'sentences' },
    of: (row) => row.sentences,
  });
  return { ...described, sections: [...sentences, byNumber(cells, reported, constraint)] };
};

const placeOf = (
  cell: Pick<LengthCell, 'instructed' | 'steering' | 'weight' | 'weight_unit' | 'layer'>,
) => ({
  prompts: promptSection(cell),
  steering: cell.steering,
  weight: weightText(cell),
  layer: cell.layer,
});

/** The figures that `load_results` has by the number asked for, as bars and tables. */
function byNumber(cells: LengthCell[], reported: ReportCell[], constraint: string): Section {
  const [obeyed, sentences] = figures(constraint, true);
  const prompts = [...new Set(reported.map((cell) => cell.prompts))];
  return {
    title: 'By the number of sentences asked for',
    figures: prompts.flatMap((one, at) => {
      const own = cells.filter((_, i) => reported[i].prompts === one);
      const id = at ? `-${at + 1}` : '';
      const axis = { title: 'answers that obey', percent: true };
      return [
        bars(one, own, obeyed, `obeyed-by-n${id}`, axis),
        // Not told n, the model gives the same answers for each.
        ...(own.some(({ instructed }) => instructed)
          ? [bars(one, own, sentences, `sentences-by-n${id}`, { title: 'sentences, mean' })]
          : []),
      ];
    }),
    tables: [obeyed, sentences].map((figure) => ({
      title: figure.name,
      table: byLengthTable(cells, figure),
    })),
  };
}

/** Most that can be told apart by colour. */
const MOST = 8;

/** The cells of one kind of prompts. */
function bars(
  prompts: string,
  cells: LengthCell[],
  { name, of }: Figure,
  id: string,
  axis: AxisOf,
): Drawn {
  const nameOf = namesOf(cells.map(placeOf));
  const shown = cells.slice(0, MOST);
  const values = shown.flatMap((cell) =>
    cell.by_n_sent.map((stats) => ({
      group: `n = ${stats.n_sent}`,
      series: nameOf(placeOf(cell)),
      value: axis.percent ? of(stats) / 100 : of(stats),
      interval: axis.percent ? stats.accuracy_interval : null,
    })),
  );
  const unknown = cells.some(({ instructed }) => !instructed)
    ? ' The model is not told n here: what it obeys by chance, unsteered, grows with n.'
    : '';
  const left = cells.length - shown.length;
  return {
    id,
    title: `${name.replace(', in percent', '')}. ${prompts}`,
    caption: `By the number n of sentences that is asked for.${unknown}${left ? ` ${left} more cells are in the table.` : ''}`,
    spec: groupedBars(values, { axis }),
  };
}
