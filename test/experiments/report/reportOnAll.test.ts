/** The figures and tables of each experiment's report have the numbers of its summary.json. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { computeCells as compositionCells } from '../../../experiments/composition/parts/cells';
import { computeCells as formatCells } from '../../../experiments/format/parts/cells';
import { computeCells as keywordCells } from '../../../experiments/keywords/parts/cells';
import { reportOnAll } from '../../../experiments/report/reportOnAll';
import type { Report } from '../../../src/report/types';
import { type Row, RunFolder } from '../../../src/runs/runFolder';
import { percent } from '../../../src/util/table';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-sections-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const answer = { response: 'Yes.', tokens: 2, stopped: 'stop' as const, prompt: 'Why?' };

/** A row for each character: 1 obeys, 0 does not. */
const rowsOf = <T extends object>(obeys: string, cell: T) =>
  [...obeys].map((one, i) => ({
    ...answer,
    id: JSON.stringify([i, cell]),
    key: `q${i}`,
    ok: one === '1',
    ...cell,
  }));

/** A finished run on disk, each answer judged; @returns its report, and its summary as it was read. */
function reportOf<R extends Row, C>(
  name: string,
  config: object,
  rows: R[],
  cellsOf: (rows: R[], judged: { perplexities: Map<string, number> }) => C[],
): { report: Report; cells: C[] } {
  const folder = path.join(temp, name, 'tiny-gemma2/default');
  const judged = rows.map(({ id }, i) => ({ id, perplexity: 2 + (i % 7) ** 2, tokens: 3 }));
  const perplexities = new Map(judged.map(({ id, perplexity }) => [id, perplexity]));
  write(folder, { model_name: 'tiny-gemma2', perplexity_model: 'judge', ...config }, rows, {
    cells: cellsOf(rows, { perplexities }),
  });
  write(path.join(folder, 'perplexity_judge'), { judge: 'judge' }, judged);
  const { cells } = JSON.parse(fs.readFileSync(path.join(folder, 'summary.json'), 'utf8'));
  return { report: reportOnAll([folder]), cells };
}

function write(folder: string, config: Record<string, unknown>, rows: Row[], summary?: object) {
  const run = RunFolder.open(folder, config);
  run.append(rows);
  if (summary) run.writeSummary(summary);
  run.close();
}

/** The data of a figure, from all its layers. */
function valuesIn(spec: unknown): Record<string, unknown>[] {
  if (Array.isArray(spec)) return spec.flatMap(valuesIn);
  if (typeof spec !== 'object' || spec === null) return [];
  const { values } = ((spec as { data?: object }).data ?? {}) as { values?: [] };
  return [...(values ?? []), ...Object.values(spec).flatMap(valuesIn)];
}
/** Of each datum of a figure, the named fields; those that lack one are left out. */
function dataOf(report: Report, id: string, ...fields: string[]): unknown[][] {
  const figure = report.sections.flatMap(({ figures = [] }) => figures).find((f) => f.id === id);
  assert.ok(figure, id);
  return valuesIn(figure.spec)
    .filter((value) => fields.every((field) => field in value))
    .map((value) => fields.map((field) => value[field]));
}
/** A column of the table of cells. */
function column(report: Report, name: string): unknown[] {
  const { tables = [] } = report.sections.find(({ title }) => title === 'The cells')!;
  const at = tables[0].table.columns.findIndex((one) => one.name === name);
  assert.ok(at >= 0, name);
  return tables[0].table.rows.map(({ cells }) => cells[at]);
}

/** What all reports show: a bar with its interval for each cell, and the same in the table. */
interface Stats {
  accuracy: number;
  accuracy_interval: [number, number] | null;
  median_perplexity: number | null;
}
function assertCells(report: Report, stats: Stats[], shares: number[], obeyed = 'obeyed') {
  assert.equal(
    stats.map(({ accuracy }) => accuracy),
    shares,
  );
  assert.equal(
    dataOf(report, 'cells', 'share', 'low', 'high'),
    stats.map(({ accuracy, accuracy_interval }) => [accuracy, ...accuracy_interval!]),
  );
  assert.equal(
    // Some name the points won behind it.
    column(report, obeyed).map((cell) => String(cell).split(' (')[0]),
    shares.map((share) => percent(share)),
  );
}

test('format: cells, and instruction by instruction', () => {
  const rows = [false, true].flatMap((instructed) =>
    ['a:x', 'b:y'].flatMap((instruction_id, at) => {
      const own = { instruction_id, instructed };
      const [none, steered] = instructed ? ['1100', '1110'] : [['0000', '1000'][at], '1011'];
      const [plain, selected] = [null, 'selected' as const];
      return [
        ...rowsOf(none, { ...own, layer: null, layers: plain, weight: null, steering: 'none' }),
        ...rowsOf(steered, {
          ...{ ...own, layer: at, layers: selected, weight: null, steering: 'adjust_rs' },
        }),
      ];
    }),
  );
  const { report, cells } = reportOf('format', { step: 'evaluate' }, rows, formatCells);
  assertCells(report, cells, [1 / 8, 6 / 8, 4 / 8, 6 / 8]);
  assert.equal(dataOf(report, 'change-without', 'name', 'unsteered', 'steered'), [
    ['x', 0, 0.75],
    ['y', 0.25, 0.75],
  ]);
  assert.equal(
    dataOf(report, 'change-with', 'unsteered', 'steered'),
    cells[2].by_instruction.map(({ accuracy }, i) => [
      accuracy,
      cells[3].by_instruction[i].accuracy,
    ]),
  );
});

test('keywords: cells, every cell against perplexity, word by word', () => {
  const rows = [false, true].flatMap((instructed) =>
    ['tea', 'cup'].flatMap((word, at) => {
      const own = { words: [word], instructed };
      return [
        ...rowsOf(['0001', '0000'][at], { ...own, layer: null, weight: null, steering: 'none' }),
        ...rowsOf(['0111', '0011'][at], { ...own, layer: 2, weight: 40, steering: 'add_vector' }),
      ];
    }),
  );
  const config = { specific_instruction: 'existence' };
  const { report, cells } = reportOf('keywords', config, rows, keywordCells);
  assertCells(report, cells, [1 / 8, 5 / 8, 1 / 8, 5 / 8]);
  assert.equal(
    dataOf(report, 'keyword-scatter', 'x', 'y'),
    cells.map(({ median_perplexity, accuracy }) => [median_perplexity, accuracy]),
  );
  assert.equal(
    dataOf(report, 'words', 'name', 'x', 'y').filter(([name]) => name),
    [
      ['tea', 0.25, 0.75],
      ['cup', 0, 0.5],
    ],
  );
});

test('composition: cells, format against length, each beside both', () => {
  const obeys = { none: ['0001', '0010'], 'format + length': ['1110', '0111'] } as const;
  const rows = (['none', 'format + length'] as const).flatMap((steering) => {
    const [format, length] = obeys[steering];
    const both = [...format].map((one, i) => (one === '1' && length[i] === '1' ? '1' : '0'));
    const prompt = { format_instruction: false, length_instruction: false };
    const own = { instruction_id: 'a:x', n_sent: 1, ...prompt, steering, sentences: 1, words: 1 };
    return rowsOf(both.join(''), own).map((row, i) => ({
      ...{ ...row, format_ok: format[i] === '1', length_ok: length[i] === '1' },
    }));
  });
  const config = { format_steering: 'adjust_rs', constraint_type: 'at_most' };
  const { report, cells } = reportOf('composition', config, rows, compositionCells);
  assertCells(
    report,
    cells.map(({ both }) => both),
    [0, 0.5],
    'both',
  );
  assert.equal(dataOf(report, 'composition-scatter', 'x', 'y'), [
    [0.25, 0.25],
    [0.75, 0.75],
  ]);
  assert.equal(
    dataOf(report, 'composition-parts', 'series', 'value', 'low', 'high'),
    cells.flatMap((cell) =>
      (['format', 'length', 'both'] as const).map((part) => [
        ...[part, cell[part].accuracy],
        ...cell[part].accuracy_interval!,
      ]),
    ),
  );
});

test.run();
