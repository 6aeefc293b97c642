/** What the report of a composition says. */
import { followLoose } from '../../../ifeval';
import { groupedBars, scatter } from '../../../src/report/charts';
import type { Section } from '../../../src/report/types';
import { loadFormatRows } from '../../format/parts/rows';
import { shortIds } from '../../format/parts/tables';
import { distributionSection, namesOf } from '../../shared/report/cellSections';
import { checkedRows } from '../../shared/report/checkedRows';
import {
  type Describe,
  type Described,
  howOf,
  type ReportCell,
} from '../../shared/report/described';
import { marksOfAll } from '../../shared/report/marks';
import { type CompositionCell, type CompositionRow, computeCells } from './cells';
import { byFormatTable, cellsTable, promptSection } from './tables';

export const describeComposition: Describe<CompositionRow> = (run) => {
  const { config, rows, judged } = run;
  const cells = computeCells(rows, judged);
  const { byKey, notices } = checkedRows(config, (file) => loadFormatRows(file, { checked: true }));
  const constraint = String(config.constraint_type).replace('_', ' ');
  const shortId = shortIds(rows.map(({ instruction_id }) => instruction_id));
  const reported = cells.map((cell): ReportCell => ({ ...placeOf(cell), stats: cell.both }));
  const nameOf = namesOf(reported);
  const described: Described<CompositionRow> = {
    title: 'Composition',
    script: 'composition/evaluate_format_plus_length',
    summary: `a format and a length (${constraint} n sentences) at once; an answer obeys when it obeys both.`,
    cells: reported,
    table: cellsTable(cells),
    sections: [],
    filters: ['format', 'n asked for', 'format obeyed', 'length obeyed'],
    cellOf: (row) => {
      const place = placeOf(row);
      return { prompts: place.prompts, how: nameOf(place) };
    },
    rowOf: ({ key, instruction_id, n_sent, sentences, format_ok, length_ok, response }) => {
      const instructions = byKey.get(key)?.instructions ?? [];
      const format = instructions.map((one) => followLoose(one, response).evidence);
      return {
        key,
        values: [
          shortId(instruction_id),
          String(n_sent),
          ...[format_ok, length_ok].map((ok) => (ok ? 'yes' : 'no')),
        ],
        evidence: [
          ...format,
          `${sentences} sentence${sentences === 1 ? '' : 's'}, ${constraint} ${n_sent} wanted`,
        ].join('; '),
        marks: marksOfAll(instructions, response, 'loose'),
      };
    },
    notices,
  };
  return {
    ...described,
    sections: [
      partsSection(cells),
      ...distributionSection(rows, described, {
        ...{ title: 'Sentences', unit: 'sentences', id: 'sentences' },
        of: (row) => row.sentences,
      }),
      {
        title: 'Format by format',
        tables: [{ title: 'Both obeyed', table: byFormatTable(rows, true) }],
      },
    ],
  };
};

const placeOf = (
  cell: Pick<CompositionCell, 'format_instruction' | 'length_instruction' | 'steering'>,
) => ({ prompts: promptSection(cell), steering: cell.steering });

/** The format against the length, and each beside both. */
function partsSection(cells: CompositionCell[]): Section {
  const points = cells.map((cell) => ({
    x: cell.length.accuracy,
    y: cell.format.accuracy,
    name: howOf(placeOf(cell)),
    group: promptSection(cell),
  }));
  const bars = cells.flatMap((cell) =>
    (['format', 'length', 'both'] as const).map((part) => ({
      group: `${promptSection(cell).replace(' in the prompt', '')}: ${howOf(placeOf(cell))}`,
      series: part,
      value: cell[part].accuracy,
      interval: cell[part].accuracy_interval,
    })),
  );
  return {
    title: 'Format and length',
    figures: [
      {
        id: 'composition-scatter',
        title: 'The format against the length',
        caption:
          'A point is a cell: the share of answers whose length is obeyed, and whose format is. Two ' +
          'vectors that do not disturb each other lead to the top right.',
        spec: scatter(points, {
          x: { title: 'length obeyed', percent: true },
          y: { title: 'format obeyed', percent: true },
        }),
      },
      {
        id: 'composition-parts',
        title: 'Each instruction, and both at once',
        caption:
          'Shares of answers with 95 % intervals. "both" can be no more than the smaller of the two.',
        spec: groupedBars(bars, { axis: { title: 'answers that obey', percent: true } }),
      },
    ],
  };
}
