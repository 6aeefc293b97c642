/** Published outputs replayed: small invented files for the rule, and the authors' where they are here. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filledSections } from '../../../experiments/paper/parts/checks';
import { readOutputs } from '../../../experiments/paper/parts/outputs';
import { replay } from '../../../experiments/paper/parts/replay';
import { describeReplay, warnings } from '../../../experiments/paper/parts/replayReport';
import { published } from '../../../experiments/shared/command/presets';
import { testWhere } from '../../where';

const root = path.join(__dirname, '../../..');
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-replay-'));
test.after(() => fs.rmSync(temporary, { recursive: true }));

const WITHOUT = 'layer_search_no_instr.jsonl';

/** A folder of files: lines as they are, or rows. */
function folderOf(files: Record<string, (object | string)[]>): string {
  const folder = fs.mkdtempSync(path.join(temporary, 'outputs-'));
  for (const [name, rows] of Object.entries(files)) {
    const lines = rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)));
    fs.writeFileSync(path.join(folder, name), `${lines.join('\n')}\n`);
  }
  return folder;
}

const replayOf = (files: Record<string, (object | string)[]>) =>
  replay(readOutputs(folderOf(files)));

const [OBEYS, FAILS] = ['Nothing to part here.', 'One, two.'];

/** A response of the search that our check agrees about, unless a verdict is given. */
function searched(layer: number, obeys: boolean, fields: object = {}): Record<string, unknown> {
  return {
    single_instruction_id: 'punctuation:no_comma',
    instruction_id_list_for_eval: ['punctuation:no_comma'],
    kwargs: [{}],
    prompt: 'Say something without commas.',
    response: obeys ? OBEYS : FAILS,
    layer,
    perplexity: 20,
    follow_all_instructions: obeys,
    ...fields,
  };
}

/** The layer of the one instruction that the rows are about. */
function chosen(rows: (object | string)[]): number | null {
  const layers = Object.values(replayOf({ [WITHOUT]: rows }).layers.without);
  assert.is(layers.length, 1);
  return layers[0];
}

const low = { perplexity: 2.4 };

test('of layers that obey equally often the first is chosen, in whatever order the rows stand', () => {
  const rows = [
    ...[searched(10, true), searched(10, true), searched(8, true), searched(8, true)],
    ...[searched(6, true), searched(6, false), searched(-1, false), searched(-1, false)],
  ];
  assert.is(chosen(rows), 8);
  assert.is(chosen(rows.toReversed()), 8);
});

test('no steering comes before all layers', () => {
  assert.is(chosen([searched(6, true), searched(-1, true)]), null);
  assert.is(chosen([searched(6, false), searched(-1, false)]), null);
});

test('a layer with one degenerate answer counts as 0', () => {
  assert.is(chosen([searched(-1, false), searched(6, true), searched(6, true, low)]), null);
  assert.is(chosen([searched(-1, false), searched(6, true, low), searched(8, true)]), 8);
  assert.is(chosen([searched(-1, false), searched(6, true, { perplexity: 2.5 })]), 6);
  assert.is(chosen([searched(-1, false), searched(6, true, { perplexity: 1.0 })]), null);
});

test('the filter fault: no steering counts as 0 too', () => {
  const unsteered = [searched(-1, true, low), searched(-1, true)];
  assert.is(chosen([...unsteered, searched(6, true), searched(6, false)]), 6);
  assert.is(chosen([...unsteered, searched(6, false), searched(6, false)]), null);
});

test('an answer without a perplexity is not degenerate: null, NaN, Infinity, nothing', () => {
  const { perplexity: _, ...without } = searched(6, true);
  const nan = JSON.stringify(searched(6, true)).replace('"perplexity":20', '"perplexity":NaN');
  const infinite = nan.replace('NaN', 'Infinity');
  assert.match(nan, /NaN/);
  for (const row of [searched(6, true, { perplexity: null }), nan, infinite, without]) {
    assert.is(chosen([searched(-1, false), row]), 6);
  }
});

test('layers may be written as floats, as pandas does', () => {
  const rows = [searched(-1, true, low), searched(6, true)].map((row) =>
    JSON.stringify(row).replace(/"layer":(-?\d+)/, '"layer":$1.0'),
  );
  assert.match(rows[0], '"layer":-1.0');
  assert.is(chosen(rows), 6);
});

test('the recorded verdicts choose; where a file has none, ours do', () => {
  const rows = [
    searched(-1, false),
    searched(6, true, { follow_all_instructions: false }),
    searched(8, false, { follow_all_instructions: true }),
  ];
  const found = replayOf({ [WITHOUT]: rows });
  assert.equal(found.layers.without, { 'punctuation:no_comma': 8 });
  assert.equal(found.ourLayers.without, { 'punctuation:no_comma': 6 });
  assert.equal([found.agree, found.compared], [1, 3]);
  assert.equal(
    found.differing.map(({ row }) => row.id),
    [`${WITHOUT}, row 2`, `${WITHOUT}, row 3`],
  );
  assert.match(describeReplay(found), /by ours it is the same,\s+but\s+for.*\(6,\s+not\s+8\)/s);

  const bare = rows.map(({ follow_all_instructions: _, ...row }) => row);
  const ours = replayOf({ [WITHOUT]: bare });
  assert.equal(ours.layers.without, { 'punctuation:no_comma': 6 });
  assert.is(ours.compared, 0);
});

test('every instruction of either search is listed on both sides', () => {
  const title = { single_instruction_id: 'detectable_format:title', response: '<<So>>' };
  const found = replayOf({
    [WITHOUT]: [searched(-1, false), searched(6, true)],
    'layer_search_instr.jsonl': [searched(-1, false), searched(4, true, title)],
  });
  const ids = ['detectable_format:title', 'punctuation:no_comma'];
  assert.equal(found.layers, {
    without: { [ids[0]]: null, [ids[1]]: 6 },
    with: { [ids[0]]: 4, [ids[1]]: null },
  });
});

test('languages: the argument, or the id alone, says which; each is an instruction of its own', () => {
  const german = 'Guten Morgen, wie geht es Ihnen heute? Das Wetter ist leider sehr schlecht.';
  const spanish = 'Buenos días, ¿cómo está usted hoy? Hace muy mal tiempo en la ciudad.';
  const language = (id: string, kwargs: object, response: string, verdict: boolean) =>
    searched(6, true, {
      single_instruction_id: `language:response_language${id}`,
      kwargs: [kwargs],
      response,
      follow_all_instructions: verdict,
    });
  const found = replayOf({
    [WITHOUT]: [
      language('_de', { language: 'de' }, german, true),
      language('_es', { language: null }, spanish, true),
      language('', { language: 'it' }, german, false),
      language('_pt', {}, spanish, false),
    ],
  });
  assert.is(found.agree, 4);
  const ids = ['de', 'es', 'it', 'pt'].map((code) => `language:response_language_${code}`);
  assert.equal(Object.keys(found.layers.without), ids);
});

test('verdicts are loose; arguments that are null or of the row are no obstacle; an empty answer fails', () => {
  const end = (response: string, verdict: boolean) => ({
    key: 7,
    instruction_id_list: ['startend:end_checker'],
    kwargs: [{ num_bullets: null, end_phrase: 'That is all.', language: null }],
    prompt: 'End with: That is all.',
    response,
    follow_all_instructions: verdict,
  });
  const found = replayOf({
    'format_instr.jsonl': [
      end('So be it. That is all.', true),
      end('That is all.\nAnything else?\nNothing?', false),
      end('That is all.\nAnything else?', true),
      end('', false),
      end(' \n', false),
    ],
  });
  assert.equal([found.agree, found.compared], [5, 5]);
  assert.equal(found.cells, [null, null, { n: 5, ours: 0.4, recorded: 0.4 }, null]);
});

test('words in capitals: arguments from the prompt; drawn verdicts are not compared', () => {
  const capitals = (layer: number, response: string, verdict: boolean, prompt?: string) =>
    searched(layer, true, {
      single_instruction_id: 'change_case:capital_word_frequency',
      prompt: prompt ?? 'Name 9 cities. Use at least 2 words in capitals.',
      response,
      follow_all_instructions: verdict,
    });
  const found = replayOf({
    [WITHOUT]: [
      capitals(-1, 'ROME and PARIS', true),
      capitals(-1, 'ROME and Paris', false),
      capitals(-1, 'ROME and PARIS', false, 'Write at most 2 words in capitals.'),
      capitals(-1, 'ROME', true, 'Write at most 2 words in capitals.'),
      capitals(6, 'ROME and PARIS', false),
      capitals(6, 'ROME and PARIS', true),
    ],
    'format_instr.jsonl': [
      {
        ...capitals(-1, 'ROME', true),
        kwargs: [{ capital_frequency: 1, capital_relation: 'at least' }],
      },
    ],
  });
  assert.equal([found.agree, found.compared, found.drawn], [5, 5, 2]);
  assert.is(found.unchecked.length, 0);

  const mute = replayOf({ [WITHOUT]: [capitals(6, 'ROME', true, 'Use many capitals.')] });
  assert.is(mute.unchecked.length, 1);
  assert.match(warnings(mute).join('\n'), /row 1: .*capital_frequency\s+is\s+missing/s);
  assert.equal(mute.layers.without, { 'change_case:capital_word_frequency': 6 });
});

test('in the search a section counts when it has text; in the evaluation each mark does', () => {
  const three = { section_spliter: 'Part', num_sections: 3 };
  const full = 'Part 1\nthe first one\nPart 2: the second\nPart3 the third';
  const hollow = 'Part 1\n\nPart 2\n\nPart 3\nend';
  assert.ok(filledSections(full, three).followed);
  assert.ok(filledSections('Two words Part 1 and two Part 2 and more', three).followed);
  assert.not(filledSections(hollow, three).followed);
  assert.not(filledSections('Part 1 a b\nPart 2 c\nPart 3 d e', three).followed);

  const id = 'detectable_format:multiple_sections';
  const row = searched(6, true, {
    single_instruction_id: id,
    instruction_id_list: [id],
    kwargs: [three],
    response: hollow,
  });
  const found = replayOf({
    [WITHOUT]: [{ ...row, follow_all_instructions: false }],
    'format_no_instr.jsonl': [row],
  });
  assert.equal([found.agree, found.compared], [2, 2]);
});

function run(...words: string[]) {
  const file = path.join(root, 'experiments/paper/replay.ts');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['-r', 'ts-node/register', file, ...words],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

test('missing files are named, and the others replayed; --json is one object and nothing else', () => {
  const row = searched(-1, true, { instruction_id_list: ['punctuation:no_comma'] });
  const folder = folderOf({ [WITHOUT]: [searched(-1, false), searched(6, true)] });
  fs.writeFileSync(path.join(folder, 'format_instr.jsonl'), JSON.stringify(row));
  const { status, stdout, stderr } = run(folder, '--json');
  assert.is(status, 0, stderr);
  assert.is(stdout.trim().split('\n').length, 1);
  assert.equal(JSON.parse(stdout), {
    verdicts: { agree: 3, of: 3, not_compared: 0 },
    layers: { without: { 'punctuation:no_comma': 6 }, with: {} },
    cells: [null, null, 1, null],
  });
  assert.match(
    stderr,
    /^Missing.*: layer_search_instr\.jsonl, format_no_instr\.jsonl, format_no_instr_steered\.jsonl, format_instr_steered\.jsonl\.$/m,
  );
});

test('what is wrong is told with its file and row, and ends with code 2', () => {
  const none = run(folderOf({}));
  assert.is(none.status, 2);
  assert.match(none.stderr, /has none of these files.*layer_search_no_instr\.jsonl/);
  const gone = run(path.join(temporary, 'nowhere'));
  assert.is(gone.status, 2);
  assert.match(gone.stderr, /nowhere is not there/);

  const {
    single_instruction_id: _,
    instruction_id_list_for_eval: __,
    ...nameless
  } = searched(6, true);
  const folder = folderOf({
    [WITHOUT]: [
      searched(6, true),
      searched(6.5, true),
      searched(6, true, { response: null }),
      searched(6, true, { follow_all_instructions: 'yes', perplexity: 'high' }),
      nameless,
    ],
  });
  const wrong = run(folder, '--json');
  assert.is(wrong.status, 2);
  assert.is(wrong.stdout, '');
  for (const words of [
    'row 2: its layer is 6.5',
    'row 3: no text in "response"',
    'row 4: its perplexity is "high"',
    'row 4: its follow_all_instructions is "yes"',
    'row 5: no "instruction_id_list"',
  ]) {
    assert.match(wrong.stderr, words);
  }
});

/** Stands beside the checkout on machines that have it, or inside of it. */
const authors = ['../shared', 'shared']
  .map((shared) => path.join(root, shared, 'data/authors/phi-3'))
  .find((folder) => fs.existsSync(folder));

const testAuthors = testWhere(Boolean(authors), 'shared/data/authors is not here');

testAuthors("phi-3: verdicts, layers and cells are the paper's", () => {
  const found = replay(readOutputs(authors!));
  assert.is(found.responses, 3872);
  // langdetect, unseeded, calls the text Bulgarian in about a quarter of its runs, else Russian.
  assert.equal(
    found.differing.map(({ row }) => row.id),
    ['layer_search_no_instr.jsonl, row 1452'],
  );
  assert.equal([found.compared, found.drawn, found.unchecked.length], [3664, 208, 0]);

  const paper = published('phi-3')!.format!;
  let choices = 0;
  for (const side of ['without', 'with'] as const) {
    for (const id of Object.keys(found.layers[side])) {
      if (!found.evaluated.includes(id)) continue;
      choices++;
      assert.is(found.layers[side][id], paper.layers![side][id] ?? null, `${id} ${side}`);
    }
  }
  assert.is(choices, 46);
  assert.equal(
    found.cells.map((cell) => (100 * cell!.ours).toFixed(1)),
    ['11.0', '30.7', '69.9', '77.3'],
  );
  for (const cell of found.cells) assert.is(cell!.recorded, cell!.ours);

  const text = describeReplay(found, paper);
  assert.ok(text.split('\n').every((line) => [...line].length <= 80));
  assert.match(text, '46 of 46 choices');
});

test.run();
