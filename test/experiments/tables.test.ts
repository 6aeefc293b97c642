/** Every table of every script, with as much in it as a run of the paper has. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CompositionRow,
  computeCells as compositionCells,
  STEERINGS,
} from '../../experiments/composition/parts/cells';
import {
  byFormatTable,
  cellsTable as compositionTable,
} from '../../experiments/composition/parts/tables';
import { type FormatRow, computeCells as formatCells } from '../../experiments/format/parts/cells';
import { chooseLayers, layersTable } from '../../experiments/format/parts/layerChoice';
import { searchLayers } from '../../experiments/format/parts/rows';
import {
  byInstructionTable,
  cellsTable as formatTable,
} from '../../experiments/format/parts/tables';
import {
  computeGrid,
  type KeywordRow,
  computeCells as keywordCells,
} from '../../experiments/keywords/parts/cells';
import { gridTable, cellsTable as keywordTable } from '../../experiments/keywords/parts/tables';
import { type LengthRow, computeCells as lengthCells } from '../../experiments/length/parts/cells';
import { LENGTH_STEERINGS } from '../../experiments/length/parts/plan';
import {
  byLengthTable,
  figures,
  highlights,
  cellsTable as lengthTable,
} from '../../experiments/length/parts/tables';
import { steeringGrid } from '../../experiments/shared/answers/grid';
import { showRuns } from '../../experiments/shared/command/joinRuns';
import { REGISTRY } from '../../ifeval';
import { showTable, type Table } from '../../src/util/table';
import type { Weight } from '../../src/vectors/weight';

/** Of a model with 42 blocks (gemma-2-9b), with one more: as long a list as the paper has. */
const LAYERS = [...searchLayers(null, 42), 5].sort((a, b) => a - b);
const WEIGHTS: Weight[] = [20, '0.5x', '-1.25x'];
const IDS = Object.keys(REGISTRY);
const KEYS = ['q1', 'q2'];
const INSTRUCTED = [false, true];

/** Unsteered answers disobey, steered ones obey: the longest figures there are. */
const answer = (key: string, steering: string, layer: unknown) => ({
  ...{ key, steering, prompt: 'Why?', words: ['w'], ok: steering !== 'none' },
  ...{ response: 'So.', tokens: 1024, stopped: 'length' as const, sentences: 10, layer },
});

const grid = steeringGrid(['adjust_rs', 'add_vector'], LAYERS, WEIGHTS);

const lengthRows = INSTRUCTED.flatMap((instructed) =>
  steeringGrid(LENGTH_STEERINGS, LAYERS, WEIGHTS).flatMap(({ steering, layer, weight }) =>
    KEYS.flatMap((key) =>
      [1, 5, 20].map((n_sent) => ({
        ...answer(key, steering, layer),
        ...{ instructed, n_sent },
        weight: weight === null ? null : Number.parseFloat(String(weight)),
        weight_unit: typeof weight === 'string' ? 'mean difference' : 'absolute',
        id: [key, instructed, steering, layer, weight, n_sent].join(),
      })),
    ),
  ),
) as LengthRow[];

const formatRows = INSTRUCTED.flatMap((instructed) =>
  steeringGrid(['adjust_rs', 'add_vector'], ['selected', ...LAYERS], WEIGHTS).flatMap(
    ({ steering, layer, weight }) =>
      IDS.map((instruction_id) => ({
        ...answer(instruction_id, steering, typeof layer === 'number' ? layer : null),
        ...{ instructed, layers: layer, weight, instruction_id },
        id: [instruction_id, instructed, steering, layer, weight].join(),
      })),
  ),
) as FormatRow[];

const keywordRows = INSTRUCTED.flatMap((instructed) =>
  grid.flatMap(({ steering, layer, weight }) =>
    KEYS.map((key) => ({
      ...answer(key, steering, layer),
      ...{ instructed, weight },
      id: [key, instructed, steering, layer, weight].join(),
    })),
  ),
) as KeywordRow[];

const compositionRows = INSTRUCTED.flatMap((format_instruction) =>
  INSTRUCTED.flatMap((length_instruction) =>
    STEERINGS.flatMap((steering) =>
      IDS.map((instruction_id) => ({
        ...answer(instruction_id, steering, null),
        ...{ format_instruction, length_instruction, instruction_id },
        ...{ format_ok: steering !== 'none', length_ok: steering !== 'none', words: 1024 },
        id: [instruction_id, format_instruction, length_instruction, steering].join(),
      })),
    ),
  ),
) as unknown as CompositionRow[];

const perplexitiesOf = (rows: { id: string }[]) => new Map(rows.map(({ id }) => [id, 14339.125]));
const judged = (rows: { id: string }[]) => ({ perplexities: perplexitiesOf(rows) });
/** By a judge of quality too. */
const graded = (rows: { id: string }[]) => ({
  ...judged(rows),
  qualities: new Map(rows.map(({ id }) => [id, 0.75])),
});
const layerRows = formatRows.filter(
  ({ layers, weight }) => layers !== 'selected' && (layers === null || weight === 20),
);
const choices = chooseLayers(layerRows, {
  ...{ inPrompt: false, threshold: 2.5, unsteeredBaseline: false },
  perplexities: new Map(layerRows.map(({ id }, i) => [id, i % 3])),
});

const length = lengthCells(lengthRows, judged(lengthRows));
const format = formatCells(formatRows, judged(formatRows));
const keywords = computeGrid(keywordRows, perplexitiesOf(keywordRows), 2.5);
const composition = compositionCells(compositionRows, judged(compositionRows));

function tables(wide: boolean): Record<string, Table> {
  const byLength = figures('at_most', wide).map((figure) => [
    figure.name,
    byLengthTable(length, figure),
  ]);
  return {
    length: lengthTable(length, wide),
    ...Object.fromEntries(byLength),
    'format by instruction': byInstructionTable(format, wide),
    format: formatTable(format, wide),
    'layer choice': layersTable([{ inPrompt: false, layers: choices }], wide),
    'layer choices': layersTable(
      [false, true].map((inPrompt) => ({ inPrompt, layers: choices })),
      wide,
    ),
    keywords: keywordTable(keywords, wide),
    'keyword grid': gridTable(keywords, wide),
    composition: compositionTable(composition),
    'length graded': lengthTable(lengthCells(lengthRows, graded(lengthRows)), wide),
    'format graded': formatTable(formatCells(formatRows, graded(formatRows)), wide),
    'keywords graded': keywordTable(keywordCells(keywordRows, graded(keywordRows)), wide),
    'composition graded': compositionTable(
      compositionCells(compositionRows, graded(compositionRows)),
    ),
    'composition by format': byFormatTable(compositionRows, wide),
  };
}

const narrow = tables(false);
for (const [name, table] of Object.entries(narrow)) {
  test(`80 columns: ${name}`, () => {
    const text = showTable(table);
    for (const line of text.split('\n')) assert.ok([...line].length <= 80, line);
  });
}

test('main figures are shown as they are, the rest is named and shown with --wide', () => {
  const text = showTable(narrow.length);
  for (const name of ['steering', 'weight', 'layer', 'obeyed', 'against none', 'median ppl']) {
    assert.match(text, name);
  }
  assert.match(text, /\+100\.0 \[\+100, \+100\]/);
  assert.match(text, / 14339\.13\n/);
  assert.match(text, / 10\.00\n/);
  assert.match(text, /--wide adds: n, 95 %, mean ppl, tokens/);
  const wide = showTable(tables(true).length, { wide: true });
  assert.match(wide, /steering +weight +layer +n +obeyed +95 % .* mean ppl +tokens/);
  assert.match(wide, '+100.0 [+100.0, +100.0]');
  assert.match(wide, 'adjust_rs_length_specific ');
});

test('quality has a column where an answer has a score, and none elsewhere', () => {
  for (const [name, table] of Object.entries(narrow)) {
    const at = table.columns.findIndex((column) => column.name === 'quality');
    assert.is(at >= 0, name.endsWith('graded'), name);
    if (at >= 0) assert.ok(table.rows.every(({ cells }) => cells[at] === '0.75'));
  }
});

test('an instruction is named without its group, unless two would then be the same', () => {
  const text = showTable(narrow['layer choice']);
  for (const id of IDS) assert.match(text, `\n${id.split(':')[1]} `);
  assert.match(text, '†');
  assert.match(showTable(tables(true)['layer choice'], { wide: true }), `\n${IDS[0]} `);
  const twins = format.slice(0, 2).map((cell) => ({
    ...cell,
    by_instruction: cell.by_instruction.map((by) => ({
      ...by,
      instruction_id: by.instruction_id === IDS[0] ? 'own:title' : by.instruction_id,
    })),
  }));
  const shown = showTable(byInstructionTable(twins, false));
  assert.match(shown, /\nown:title .*/);
  assert.match(shown, /\ndetectable_format:title .*/);
  for (const line of shown.split('\n')) assert.ok([...line].length <= 80, line);
});

const runOf = (figure: number, ...overrides: string[]) => ({
  overrides,
  table: {
    columns: [
      { name: 'steering', label: true },
      { name: 'layer', label: true },
      { name: 'obeyed' },
    ],
    rows: [
      { cells: ['none', null, 0], section: 'Without' },
      { cells: ['add', figure, figure], section: 'Without' },
    ],
  },
});

test('runs are joined by what was swept', () => {
  const same = showRuns([runOf(1, 'seed=1', 'n=5'), runOf(1, 'seed=2', 'n=5')]);
  assert.equal(same.split('\n'), [
    'All 2 runs, by seed',
    'seed  steering  layer  obeyed',
    '────  ────────  ─────  ──────',
    'Without',
    '   1  none          –       0',
    '   1  add           1       1',
    '   2  none          –       0',
    '   2  add           1       1',
  ]);
  const layers = showRuns([runOf(1, 'source_layer_idx=1'), runOf(2, 'source_layer_idx=2')]);
  assert.equal(layers.split('\n').slice(1, 2), ['source_layer_idx  steering  obeyed']);
});

test('runs whose settings are long have numbers', () => {
  const runs = ['weights/tiny/prompts/a.jsonl', 'weights/tiny/prompts/b.jsonl'].map((data, i) =>
    runOf(i + 3, `data_path=${data}`),
  );
  assert.equal(showRuns(runs).split('\n'), [
    'All 2 runs, by data_path',
    'run 1: data_path=weights/tiny/prompts/a.jsonl',
    'run 2: data_path=weights/tiny/prompts/b.jsonl',
    '',
    'run  steering  obeyed',
    '───  ────────  ──────',
    'Without',
    '  1  none           0',
    '  1  add            3',
    '  2  none           0',
    '  2  add            4',
  ]);
  assert.match(showRuns(runs, { wide: true }), /\nweights\/tiny\/prompts\/b\.jsonl {2}add +4$/);
});

test('the closing words on length name the layer only where there are several', () => {
  const one = lengthRows.filter(({ layer }) => layer === null || layer === LAYERS[0]);
  const lines = (rows: LengthRow[]) =>
    highlights(
      length.filter((cell) => rows.some((row) => row.layer === cell.layer)),
      rows,
    ).split('\n');
  assert.match(
    lines(one)[0],
    /^Without any instruction, add_vector_conciseness at weight 20: 10\.0/,
  );
  assert.match(lines(lengthRows)[0], /add_vector_conciseness at weight 20, layer 5: 10\.0 → 10\.0/);
});

test.run();
