/** What the report of a keyword run says. */
import { followStrict, type Instruction, parseInstruction } from '../../../ifeval';
import { scatter } from '../../../src/report/charts';
import type { Section } from '../../../src/report/types';
import { promptSection } from '../../shared/answers/tables';
import { groupBy } from '../../shared/groupBy';
import { namesOf } from '../../shared/report/cellSections';
import type { Describe, ReportCell } from '../../shared/report/described';
import { marksOfAll } from '../../shared/report/marks';
import { computeCells, type KeywordCell, type KeywordRow } from './cells';
import { describeInstruction, type SpecificInstruction } from './data';
import { cellsTable } from './tables';

const TITLES = { include: 'a word included', exclude: 'a word avoided' };

export const describeKeywords: Describe<KeywordRow> = ({ config, rows, judged }) => {
  const cells = computeCells(rows, judged);
  const reported = cells.map((cell): ReportCell => ({ ...placeOf(cell), stats: cell }));
  const nameOf = namesOf(reported);
  const specific = config.specific_instruction as SpecificInstruction;
  const { data, away, validation } = describeInstruction(specific);
  const checkOf = (words: string[]): Instruction =>
    data === 'include'
      ? parseInstruction('keywords:existence', { keywords: words })
      : parseInstruction('keywords:forbidden_words', { forbidden_words: words });
  return {
    title: 'Keywords',
    script: 'keywords/evaluate',
    summary:
      `${TITLES[data]} (${specific}), ${away ? 'away from the vector that includes the word' : 'towards the vector of the word'}` +
      `${validation ? ', on the rows that layer and weight are chosen by' : ''}.`,
    cells: reported,
    table: cellsTable(cells, true),
    sections: [...perplexityScatter(cells), ...wordsSection(rows)],
    filters: ['word'],
    cellOf: (row) => {
      const place = placeOf(row);
      return { prompts: place.prompts, how: nameOf(place) };
    },
    rowOf: ({ key, words, response }) => {
      const instruction = checkOf(words);
      return {
        key: `${key} ${words.join(', ')}`,
        values: [words.join(', ')],
        evidence: followStrict(instruction, response).evidence,
        marks: marksOfAll([instruction], response, 'strict'),
      };
    },
    notices: [],
  };
};

const placeOf = (cell: Pick<KeywordCell, 'instructed' | 'steering' | 'weight' | 'layer'>) => ({
  prompts: promptSection(cell),
  steering: cell.steering,
  weight: cell.weight,
  layer: cell.layer,
});

/** Over the layers and weights of a grid. */
function perplexityScatter(cells: KeywordCell[]): Section[] {
  const points = cells.flatMap((cell) => {
    if (cell.median_perplexity === null) return [];
    const { prompts, steering, ...where } = placeOf(cell);
    const layer = where.layer === null ? '' : `layer ${where.layer}, ${where.weight ?? ''}`;
    return [
      {
        x: cell.median_perplexity,
        y: cell.accuracy,
        name: steering === 'none' ? 'unsteered' : layer,
        group: prompts,
      },
    ];
  });
  if (points.length < 3) return [];
  return [
    {
      title: 'Obeyed against fluency',
      figures: [
        {
          id: 'keyword-scatter',
          title: 'Every cell: obeyed against perplexity',
          caption:
            'A point is a cell: a layer and weight, or unsteered. Up is more obedience, to the right ' +
            'less fluent text. The best settings stand top left.',
          spec: scatter(points, {
            x: { title: 'median perplexity of the answers (log scale)', log: true },
            y: { title: 'answers that obey', percent: true },
          }),
        },
      ],
    },
  ];
}

/** A point for each word: answers that obey unsteered and steered. */
function wordsSection(rows: KeywordRow[]): Section[] {
  const plain = rows.filter(({ instructed }) => instructed === rows[0].instructed);
  const steered = plain.filter(({ steering }) => steering !== 'none');
  if (new Set(steered.map(({ layer, weight }) => `${layer} ${weight}`)).size !== 1) return [];
  const share = (some: KeywordRow[]) => some.filter(({ ok }) => ok).length / some.length;
  const points = groupBy(plain, ({ words }) => words.join(', ')).flatMap((own) => {
    const [before, after] = [true, false].map((none) =>
      own.filter(({ steering }) => (steering === 'none') === none),
    );
    if (!before.length || !after.length) return [];
    return [{ x: share(before), y: share(after), name: own[0].words.join(', ') }];
  });
  if (points.length < 2) return [];
  return [
    {
      title: 'Word by word',
      figures: [
        {
          id: 'words',
          title: `Obeyed for each word, ${promptSection(plain[0]).toLowerCase()}`,
          caption:
            'A point is a word: the share of its answers that obey, unsteered and steered. Above the ' +
            'line steering helps. Words with the same shares lie on one another.',
          spec: scatter(points, {
            x: { title: 'unsteered', percent: true },
            y: { title: 'steered', percent: true },
            diagonal: true,
          }),
        },
      ],
    },
  ];
}
