import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Cell,
  fixed,
  formatTable,
  percent,
  showTable,
  type Table,
  tableOf,
  wrap,
} from '../../../src/util/table';

test('tables are aligned: numbers right, text left, nothing is a dash', () => {
  const table = formatTable(
    ['steering', 'n', 'accuracy'],
    [
      ['none', 5, percent(0.46666)],
      ['conciseness', 50, percent(null)],
    ],
  );
  assert.equal(table.split('\n'), [
    'steering      n  accuracy',
    '───────────  ──  ────────',
    'none          5    46.7 %',
    'conciseness  50         –',
  ]);
  assert.is(fixed(0.125, 1), '0.1');
  assert.is(fixed(null), null);
});

const widest = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length));

/** Labels a, b, …, then figures 0, 1, …, all of that many characters. */
function makeTable(labels: Cell[][], figures: number, digits = 6): Table {
  const names = labels.map((_, i) => String.fromCharCode(97 + i));
  return {
    columns: [
      ...names.map((name) => ({ name, label: true })),
      ...Array.from({ length: figures }, (_, i) => ({ name: `f${i}` })),
    ],
    rows: labels[0].map((_, row) => ({
      cells: [
        ...labels.map((texts) => texts[row]),
        ...Array.from({ length: figures }, (_, i) => `${(row * 100 + i) % 10}`.repeat(digits)),
      ],
    })),
  };
}

test('rows of a section stand together under its name; labels stand first', () => {
  const items = [
    { who: 'x', n: 1, part: 'One' },
    { who: 'y', n: 20, part: 'Two' },
    { who: 'z', n: 3, part: 'One' },
  ];
  const table = tableOf(
    [
      { name: 'n', cell: ({ n }) => n },
      { name: 'who', label: true, cell: ({ who }) => who },
    ],
    items,
    ({ part }) => part,
  );
  assert.equal(showTable(table).split('\n'), [
    'who   n',
    '───  ──',
    'One',
    'x     1',
    'z     3',
    'Two',
    'y    20',
  ]);
});

test('extra columns are shown in wide tables only, and named beneath the others', () => {
  const table: Table = {
    columns: [{ name: 'who', label: true }, { name: 'n', extra: true }, { name: 'share' }],
    rows: [{ cells: ['x', 5, 1] }],
  };
  assert.equal(showTable(table).split('\n'), [
    'who  share',
    '───  ─────',
    'x        1',
    '--wide adds: n.',
  ]);
  assert.equal(showTable(table, { wide: true }).split('\n'), [
    'who  n  share',
    '───  ─  ─────',
    'x    5      1',
  ]);
});

test('a label that is the same in all rows is said once, where the table is too wide', () => {
  const names = ['none', 'steered'.repeat(4)];
  const table = makeTable([names, [null, '1x'], [null, 0]], 5);
  assert.match(showTable(table), /^a +b {2}c +f0/, 'as it fits, all is shown');
  const text = showTable(table, { width: 72 });
  assert.match(text, /^a +b +f0 /);
  assert.match(text, /\nIn all rows: c 0\.$/);
  assert.is(widest(text), 28 + 2 + 2 + 5 * 8);
});

test('long labels are cut, as far as they stay different', () => {
  const table = makeTable([['add_vector_conciseness', 'add_vector_verbosity']], 7);
  const text = showTable(table, { width: 70 });
  assert.match(text, /\nadd_vector_co… /);
  assert.match(text, /\nadd_vector_ve… /);
  // The two ids differ in the last letter alone: the table is continued below instead.
  const alike = makeTable([['response_language_es', 'response_language_de']], 7);
  const parts = showTable(alike, { width: 70 }).split('\n\n');
  assert.is(parts.length, 2);
  for (const part of parts) assert.match(part, /\nresponse_language_es /);
  assert.match(parts[0], /f0.*f5/);
  assert.match(parts[1], /^a +f6\n/);
  assert.is(showTable(alike, { width: 70, wide: true }).split('\n\n').length, 1);
});

test('no table is wider than 80 columns, whatever it holds; every figure is there', () => {
  const long = (text: string) => [text.repeat(30), `${text.repeat(30)}!`];
  const names = [
    [['x', 'y']],
    [long('x')],
    [long('x'), long('y'), ['z', 'z']],
    [long('a'), long('b'), long('c'), long('d')],
  ];
  for (const labels of names) {
    for (const figures of [1, 2, 5, 14, 40]) {
      const table = makeTable(labels, figures);
      const text = showTable(table);
      assert.ok(widest(text) <= 80, text);
      for (let i = 0; i < figures; i++) assert.match(text, new RegExp(`\\bf${i}\\b`));
      assert.ok(widest(showTable(table, { wide: true })) >= widest(text));
    }
  }
});

test('text is wrapped between words', () => {
  assert.equal(wrap('one two three', 8), ['one two', 'three']);
  assert.equal(wrap('unbreakable x', 5), ['unbreakable', 'x']);
});

test.run();
