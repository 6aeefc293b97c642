import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../src/cli';
import { type ListedRun, listRuns } from '../../../src/runs/listRuns';
import { RunFolder } from '../../../src/runs/runFolder';
import { InputError } from '../../../src/util/errors';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-list-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const root = path.join(temp, 'results');
const fingerprint = '0123456789abcdef';
let second = 1;

/** A run of two rows, each written a second after the one before. */
function make(place: string, settings: object, summary?: unknown): string {
  const folder = path.join(root, place);
  const config = { output_path: root, name: path.basename(place), dry_run: false, ...settings };
  const opened = RunFolder.open(folder, config);
  opened.append([{ id: 'a' }, { id: 'b' }]);
  if (summary !== undefined) opened.writeSummary(summary);
  opened.close();
  const time = new Date(2026, 10, 24, 12, 0, second++);
  for (const name of fs.readdirSync(folder)) fs.utimesSync(path.join(folder, name), time, time);
  return folder;
}

const cell = (instructed: boolean, steering: string, accuracy: number, more: object = {}) => ({
  ...{ instructed, steering, accuracy, weight: null, layer: null },
  ...more,
});
const cells = [
  cell(false, 'none', 0.6),
  cell(false, 'add', 0.72, { weight: 0.5, weight_unit: 'mean difference', layer: 0 }),
  cell(false, 'add', 0.9, { weight: 1, weight_unit: 'mean difference', layer: 0 }),
  cell(true, 'none', 1),
];

make(
  'length/tiny/default',
  { seed: 42, steering: ['add'], positions: 'last', marks: fingerprint },
  { cells },
);
make('length/tiny/5ad1e0c2', {
  seed: 1,
  planned_rows: 5,
  steering: ['add'],
  positions: 'last',
  marks: fingerprint,
});
const other = make('length/other/default', { seed: 1 }, { cells: cells.slice(3) });
fs.writeFileSync(path.join(other, 'report.html'), '');
make(
  'length/judged/default',
  {},
  { cells: cells.slice(0, 3).map((one, i) => ({ ...one, mean_quality: [0.75, 0.5, 0.6875][i] })) },
);
make('format/tiny/layer_search/default', { seed: 7 }, { cells: cells.slice(0, 1) });
make(
  'format/tiny/default',
  { seed: 42 },
  {
    cells: [
      {
        format_instruction: false,
        length_instruction: false,
        steering: 'none',
        both: { accuracy: 0 },
      },
      {
        format_instruction: false,
        length_instruction: false,
        steering: 'x',
        both: { accuracy: 0.5 },
      },
      { format_instruction: true, length_instruction: false, steering: 'x', both: { accuracy: 1 } },
    ],
  },
);
// Beside runs lie vectors, and in them perplexities; a link may lead round in a circle.
fs.mkdirSync(path.join(root, 'length/tiny/representations'));
fs.writeFileSync(path.join(root, 'length/tiny/representations/v.safetensors'), '');
RunFolder.open(path.join(root, 'length/tiny/default/perplexity'), { judge: 'gpt2' }).close();
fs.symlinkSync(root, path.join(root, 'length/round'));

const find = (runs: ListedRun[], experiment: string, model: string, name: string) =>
  runs.find((one) => one.experiment === experiment && one.model === model && one.name === name)!;

test('runs by place and time, with what sets them apart', () => {
  const runs = listRuns(root);
  assert.equal(
    runs.map(({ experiment, model, name }) => `${experiment} ${model} ${name}`),
    [
      'format tiny layer_search/default',
      'format tiny default',
      'length judged default',
      'length other default',
      'length tiny default',
      'length tiny 5ad1e0c2',
    ],
  );
  const [, , , alone, first, last] = runs;
  assert.equal([first.differs, last.differs], [{ seed: 42 }, { seed: 1 }]);
  assert.equal(alone.differs, {}, 'another model is no other run to compare with');
  assert.equal([first.finished, last.finished], [true, false]);
  assert.equal([last.rows, last.planned, last.problem, last.figures], [2, 5, null, null]);
  assert.is(first.planned, null, 'not known of older runs');
  // The same from a folder within.
  assert.equal(listRuns(path.join(root, 'length')), runs.slice(2));
  assert.equal(listRuns(first.folder), [{ ...first, differs: {} }]);
});

test('main figures: no steering against the best, without the instruction where there is a choice', () => {
  const runs = listRuns(root);
  assert.equal(find(runs, 'length', 'tiny', 'default').figures, {
    ...{ instructed: false, unsteered: 0.6, steered: 0.9 },
    how: 'add, weight 1x, layer 0',
  });
  assert.equal(find(runs, 'length', 'judged', 'default').figures, {
    ...{ instructed: false, unsteered: 0.6, steered: 0.9, how: 'add, weight 1x, layer 0' },
    quality: { unsteered: 0.75, steered: 0.6875 },
  });
  assert.equal(find(runs, 'length', 'other', 'default').figures, {
    ...{ instructed: true, unsteered: 1, steered: null, how: '' },
  });
  assert.equal(find(runs, 'format', 'tiny', 'default').figures, {
    ...{ instructed: false, unsteered: 0, steered: 0.5, how: 'x' },
  });
});

function replaceByFolder(file: string) {
  fs.rmSync(file);
  fs.mkdirSync(file);
}

test('a damaged folder is listed with what is wrong', () => {
  const damage: [string, RegExp, (folder: string) => void][] = [
    ['config.yaml', /config\.yaml is damaged/, (f) => fs.writeFileSync(`${f}/config.yaml`, '{{')],
    ['no config', /no config\.yaml/, (f) => fs.rmSync(`${f}/config.yaml`)],
    [
      'rows',
      /out\.jsonl, line 2 is damaged/,
      (f) => fs.writeFileSync(`${f}/out.jsonl`, '{"id":"a"}\n{\n'),
    ],
    [
      'summary',
      /summary\.json is damaged/,
      (f) => fs.writeFileSync(`${f}/summary.json`, '{"cells":'),
    ],
    ['folder', /EISDIR|is a folder/, (f) => replaceByFolder(`${f}/out.jsonl`)],
  ];
  for (const [name, , act] of damage) act(make(`broken/m/${name}`, {}, { cells }));
  const odd = ['null', '5', '{"cells":5}', '{"cells":[null,3,{"accuracy":"x"},{"both":7}]}'];
  odd.forEach((text, i) => {
    fs.writeFileSync(path.join(make(`broken/m/odd${i}`, {}), 'summary.json'), text);
  });
  fs.writeFileSync(path.join(make('broken/m/list', {}, { cells }), 'config.yaml'), '- a\n');
  const runs = listRuns(path.join(root, 'broken'));
  assert.is(runs.length, damage.length + odd.length + 1);
  for (const [name, problem] of damage) {
    assert.match(find(runs, 'broken', 'm', name).problem ?? '', problem);
  }
  odd.forEach((_, i) => {
    const { problem, finished, figures } = find(runs, 'broken', 'm', `odd${i}`);
    assert.equal([problem, finished], [null, true]);
    assert.is(figures?.steered ?? null, null);
  });
  fs.rmSync(path.join(root, 'broken'), { recursive: true });
  assert.throws(
    () => listRuns(path.join(temp, 'none')),
    (error: unknown) => error instanceof InputError,
  );
});

async function command(...words: string[]): Promise<{ code: number; text: string }> {
  const { log, error } = console;
  const lines: string[] = [];
  console.log = console.error = (line: string) => lines.push(line);
  const code = await run(['node', 'cli', 'runs', ...words]);
  Object.assign(console, { log, error });
  return { code, text: lines.join('\n') };
}

test('the command: a few lines a run, or JSON; only those asked for', async () => {
  const { code, text } = await command(root, '--experiment', 'length');
  assert.is(code, 0);
  assert.equal(text.split('\n'), [
    'length, judged',
    '  default  (2026-11-24 12:00, 2 rows)',
    '      obeyed without the instruction: 60.0 → 90.0 % by add, weight 1x, layer 0;',
    '      quality 0.75 → 0.69',
    '',
    'length, other',
    '  default  (2026-11-24 12:00, 2 rows)',
    '      obeyed with the instruction: 100.0 %',
    `      report: ${other}/report.html`,
    '',
    'length, tiny',
    '  default  (2026-11-24 12:00, 2 rows)',
    '      seed=42',
    '      obeyed without the instruction: 60.0 → 90.0 % by add, weight 1x, layer 0',
    '  5ad1e0c2  (2026-11-24 12:00, unfinished: 2 of 5 rows)',
    '      seed=1',
  ]);
  const { runs } = JSON.parse((await command(root, '--model', 'tiny', '--json')).text);
  assert.is(runs.length, 4);
  assert.equal(runs[3].differs, { seed: 1 });
  assert.is(new Date(runs[3].written).getFullYear(), 2026);
  const none = await command(root, '--model', 'tidy');
  assert.is(none.code, 2);
  assert.match(none.text, 'There are: format, tiny; length, judged; length, other; length, tiny');
});

test.run();
