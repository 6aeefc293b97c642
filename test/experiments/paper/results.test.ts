/** Which cells of a run are the paper's, and how they are held against each other. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { computeCells as compositionCells } from '../../../experiments/composition/parts/cells';
import { computeCells as formatCells } from '../../../experiments/format/parts/cells';
import { computeCells as keywordCells } from '../../../experiments/keywords/parts/cells';
import { computeCells as lengthCells } from '../../../experiments/length/parts/cells';
import { type ComparedTable, comparedTables } from '../../../experiments/paper/parts/paperCells';
import { resultCell, resultsTable } from '../../../experiments/paper/parts/results';
import {
  cellTests,
  changeByInstruction,
  compareExclusion,
  scatter,
} from '../../../experiments/paper/parts/runAnalyses';
import type { AnalysedRun } from '../../../experiments/paper/parts/runs';
import { published } from '../../../experiments/shared/command/presets';
import { showTable } from '../../../src/util/table';
import { assertTablesFit } from '../helpers';

const answer = { response: 'Yes.', tokens: 2, stopped: 'stop' as const, prompt: 'p' };

/** A row for each character: 1 obeys, 0 does not. */
const rowsOf = <T extends object>(obeys: string, cell: T) =>
  [...obeys].map((one, i) => ({
    ...answer,
    id: JSON.stringify([i, cell]),
    key: `q${i}`,
    ok: one === '1',
    ...cell,
  }));

function run(
  experiment: AnalysedRun['experiment'],
  rows: { id: string }[],
  cells: unknown[],
  config = {},
): AnalysedRun {
  return { key: 'format_run', experiment, folder: 'f', config, summary: { cells }, rows };
}

const shares = ({ cells }: ComparedTable) => cells.map(({ ours }) => ours?.accuracy);

/** Cells in the order in which a run has them: each steering without the instruction, then with it. */
const formatRows = [false, true].flatMap((instructed) => [
  ...rowsOf(instructed ? '1100' : '0000', { ...of(null), instructed, steering: 'none' }),
  ...rowsOf('1111', { ...of(2), layers: 2, instructed, steering: 'adjust_rs' }),
  ...rowsOf(instructed ? '1110' : '1000', { ...of(3), instructed, steering: 'adjust_rs' }),
  ...rowsOf('0001', { ...of(3), instructed, weight: 20, steering: 'add_vector' }),
]);
function of(layer: number | null) {
  const layers = layer === null ? null : ('selected' as const);
  return { instruction_id: 'a:b', layer, layers, weight: null };
}

test('format: the first steering at the selected layers', () => {
  const format = run('format', formatRows, formatCells(formatRows));
  const [table] = comparedTables(format, published('phi-3'));
  assert.equal(shares(table), [0, 0.25, 0.5, 0.75]);
  assert.equal(
    table.cells.map(({ paper }) => paper),
    [11.0, 30.7, 69.9, 77.3],
  );
  assert.is(table.steered_by, 'adjust_rs');
  const change = changeByInstruction(formatCells(formatRows))[0];
  assert.equal([change.n, change.without?.change, change.with?.change], [4, 0.25, 0.25]);
  const tests = cellTests(format);
  assert.is(tests.length, 6);
  const steered = tests.find((one) => one.first === 'none' && one.second === 'steered')!;
  assert.equal([steered.n, steered.first_only, steered.second_only, steered.p], [4, 0, 1, 1]);
  const both = tests.find((one) => one.first === 'steered' && one.second === 'instruction')!;
  assert.equal([both.both, both.second_only], [1, 1]);
});

test('length: conciseness for at most, verbosity for at least; by the number of sentences', () => {
  const rows = [false, true].flatMap((instructed) =>
    ['none', 'add_vector_verbosity', 'add_vector_conciseness'].flatMap((steering, at) =>
      [1, 2].flatMap((n_sent) =>
        rowsOf(['0011', '0001', '0111'][at], {
          ...{ n_sent, instructed, steering, sentences: 2 },
          ...{ weight: at && 20, weight_unit: 'absolute' as const, layer: 12 },
          id: [instructed, steering, n_sent, Math.random()].join(),
        }),
      ),
    ),
  );
  const cells = lengthCells(rows);
  const tables = (constraint_type: string) =>
    comparedTables(run('length', rows, cells, { constraint_type }), published('phi-3'));
  const [atMost] = tables('at_most');
  assert.equal(shares(atMost).slice(0, 4), [0.5, 0.75, 0.5, 0.75]);
  assert.is(atMost.steered_by, 'add_vector_conciseness, weight 20, layer 12');
  const byNumber = atMost.cells.slice(4).map(({ cell, paper }) => [cell, paper]);
  assert.equal(byNumber, [
    ['instruction, n=1', 67.5],
    ['instruction + steered, n=1', 80.5],
    ['instruction, n=2', 68.5],
    ['instruction + steered, n=2', 79.5],
  ]);
  const [atLeast] = tables('at_least');
  assert.equal(shares(atLeast).slice(0, 4), [0.5, 0.25, 0.5, 0.25]);
  assert.ok(atLeast.cells.every(({ paper }) => paper === null));
});

const wordRows = (none: string, steered: string, weight: number) =>
  [false, true].flatMap((instructed) => [
    ...rowsOf(none, { instructed, steering: 'none', weight: null, layer: null, words: ['w'] }),
    ...rowsOf(steered, { instructed, steering: 'add_vector', weight, layer: 3, words: ['w'] }),
  ]);

test('keywords: inclusion, exclusion, and exclusion by its own vectors', () => {
  const rows = wordRows('0011', '0111', 40);
  const of = (specific_instruction: string, some = rows) =>
    run('keywords', some, keywordCells(some), { specific_instruction });
  const phi = published('phi-3');
  const papers = (name: string) =>
    comparedTables(of(name), phi).map(({ cells }) => cells.map(({ paper }) => paper));
  assert.equal(papers('existence'), [[29.1, 40.7, 89.5, 95.3]]);
  assert.equal(papers('forbidden'), [[64.1, 85.5, 86.3, 93.2]]);
  assert.equal(papers('forbidden_w_forbidden_rep'), [[null, null, null, null]]);
  assert.equal(papers('existence_validation'), []);

  const other = of('forbidden_w_forbidden_rep', wordRows('0011', '1100', 2));
  const steered = compareExclusion(of('forbidden'), other)[1];
  assert.equal([steered.cell, steered.subtraction, steered.addition], ['steered', 0.75, 0.5]);
  assert.equal([steered.test?.first_only, steered.test?.second_only], [2, 1]);

  const perplexities = new Map(rows.map(({ id }, i) => [id, i % 4 ? 3 : 1.5]));
  const points = scatter({ rows }, perplexities, 2);
  assert.equal(
    points.map(({ accuracy, low_perplexity }) => [accuracy, low_perplexity]),
    [
      [0.5, 0.25],
      [0.75, 0.25],
      [0.5, 0.25],
      [0.75, 0.25],
    ],
  );
});

test('composition: both vectors or none, both instructions or none', () => {
  const rows = [false, true].flatMap((format_instruction) =>
    [false, true].flatMap((length_instruction) =>
      (['none', 'format', 'length', 'format + length'] as const).flatMap((steering) => {
        const plain = !format_instruction && !length_instruction && steering === 'none';
        return rowsOf(plain ? '0001' : '0111', {
          ...{ format_instruction, length_instruction, steering, instruction_id: 'a:b' },
          ...{ n_sent: 1, sentences: 1, words: 1, format_ok: true, length_ok: steering !== 'none' },
        });
      }),
    ),
  );
  const tables = comparedTables(
    run('composition', rows, compositionCells(rows)),
    published('phi-3'),
  );
  assert.equal(
    tables.map(({ name, cells }) => [name, cells[1].paper, cells[2].paper]),
    [
      ['composition, format', 38.7, 76.1],
      ['composition, length', 49.1, 64.4],
      ['composition, both', 22.7, 47.9],
    ],
  );
  assert.equal(tables.map(shares), [
    [1, 1, 1, 1],
    [0, 1, 0, 1],
    [0.25, 0.75, 0.75, 0.75],
  ]);
  const tests = cellTests(run('composition', rows, compositionCells(rows)));
  const [first] = tests.filter(({ table }) => table === 'composition, length');
  assert.equal([first.first_only, first.second_only, first.p], [0, 4, 2 / 16]);
});

test('the paper lies in the interval or not, to its own digit', () => {
  const ours = { n: 10, accuracy: 0.5, accuracy_interval: [0.2, 0.69] } as const;
  const cell = (paper: number | null) =>
    resultCell({ cell: 'none', ours: { ...ours, accuracy_interval: [0.2, 0.69] }, paper });
  assert.equal(
    [20, 19.9, 69, 69.1, 45.5].map((paper) => cell(paper).paper_in_interval),
    [true, false, true, false, true],
  );
  assert.ok(Math.abs(cell(45.5).difference! - 0.045) < 1e-12);
  assert.equal([cell(null).paper, cell(null).paper_in_interval], [null, null]);
  const absent = resultCell({ cell: 'none', ours: undefined, paper: 50 });
  assert.equal([absent.ours, absent.difference, absent.paper_in_interval], [null, null, null]);
});

test('the table fits, and does without the paper’s columns where it has no numbers', () => {
  const tables = comparedTables(
    run('format', formatRows, formatCells(formatRows)),
    published('phi-3'),
  );
  const withPaper = showTable(resultsTable(tables, true));
  assertTablesFit(withPaper);
  assert.match(withPaper, /steered +4 +25\.0 % +\d+ to \d+ +30\.7 % +-5\.7 +yes/);
  // The widest there can be stands side by side: four digits of n, a cell by number of sentences.
  const widest = { n: 1000, accuracy: 1, accuracy_interval: [1, 1] as [number, number] };
  const wide = {
    ...tables[0],
    cells: [{ cell: 'instruction + steered, n=5', ours: widest, paper: 0 }],
  };
  assert.match(
    showTable(resultsTable([wide], true)),
    /n=5 +1000 +100\.0 % +100 to 100 +0\.0 % +\+100\.0 +no/,
  );
  const without = showTable(resultsTable(tables, false));
  assert.not.match(without, 'paper');
  assert.match(without, /steered +4 +25\.0 %/);
});

test.run();
