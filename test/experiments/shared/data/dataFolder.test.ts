/** `data_path` as a folder: each step finds the file of its role, or says what is missing. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatVectorData } from '../../../../experiments/format/parts/vectors';
import {
  type DataRole,
  dataFile,
  dataFileBeside,
  phrasingsFile,
} from '../../../../experiments/shared/data/dataFolder';
import { projectRoot } from '../../../../src/util/version';
import { refusal } from '../../../refusal';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-folder-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

/** The names of the authors' files, by role. */
const AUTHORS: Record<DataRole, string> = {
  questions: 'ifeval_wo_instructions.jsonl',
  format_training: 'format/ifeval_augmented_filtered.jsonl',
  format_evaluation: 'format/ifeval_single_instr_format.jsonl',
  include: 'keywords/ifeval_single_keyword_include.jsonl',
  exclude: 'keywords/ifeval_single_keyword_exclude.jsonl',
  include_validation: 'keywords/inclusion_validation.jsonl',
  exclude_validation: 'keywords/exclusion_validation.jsonl',
  ifeval_include: 'keywords/ifeval_keywords_include.txt',
  ifeval_exclude: 'keywords/ifeval_keywords_exclude.txt',
  length_phrasings: 'length/phrasings.yaml',
  keyword_phrasings: 'keywords/phrasings.yaml',
};
const ROLES = Object.keys(AUTHORS) as DataRole[];

function folderWith(name: string, files: string[]): string {
  const folder = path.join(temp, name);
  for (const file of files) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), '');
  }
  return folder;
}
const authors = folderWith('authors', Object.values(AUTHORS));

test("the authors' folder, or a part of it: the file of every role", () => {
  for (const role of ROLES) {
    const wanted = path.join(authors, AUTHORS[role]);
    assert.is(dataFile(authors, role), wanted);
    for (const part of ['format', 'keywords', 'length']) {
      assert.is(dataFile(path.join(authors, part), role), wanted);
    }
    assert.is(dataFileBeside(path.join(authors, AUTHORS.format_training), role), wanted);
  }
});

test('our folder: one file of formats for vectors and for the evaluation', () => {
  const ours = 'weights/tiny/prompts';
  const found = ROLES.filter((role) => !role.endsWith('phrasings')).map((role) =>
    path.relative(path.resolve(ours), dataFile(path.resolve(ours), role)),
  );
  assert.equal(found, [
    'questions.jsonl',
    ...['format.jsonl', 'format.jsonl'],
    ...['keywords_include.jsonl', 'keywords_exclude.jsonl'],
    ...['keywords_include.jsonl', 'keywords_exclude.jsonl'],
    ...['keywords_include.txt', 'keywords_exclude.txt'],
  ]);
});

test('a file is itself, whatever its role; others are found beside it', () => {
  const folder = folderWith('own', ['mine.jsonl', 'noending', 'questions.jsonl']);
  const mine = path.join(folder, 'mine.jsonl');
  for (const role of ROLES) assert.is(dataFile(mine, role), mine);
  assert.is(dataFile(path.join(folder, 'noending'), 'questions'), path.join(folder, 'noending'));
  assert.is(dataFileBeside(mine, 'questions'), path.join(folder, 'questions.jsonl'));
});

test('the vectors follow: of a folder the file for training, of a file that file', () => {
  const training = path.join(authors, AUTHORS.format_training);
  const evaluation = path.join(authors, AUTHORS.format_evaluation);
  const from = (data_path: string, vectors_data_path: string | null = null) =>
    formatVectorData({ data_path, vectors_data_path });
  assert.is(from(authors), training);
  assert.is(from(evaluation), evaluation);
  assert.is(from(evaluation, authors), training);
  assert.is(from(evaluation, training), training);
  assert.is(from(evaluation, path.join(authors, 'format')), training);
});

test('what is missing is said: what was looked for, and what to do', () => {
  const half = folderWith('half', ['format/ifeval_single_instr_format.jsonl']);
  const message = refusal(() => dataFile(half, 'format_training', 'vectors_data_path'));
  assert.match(
    message,
    `The folder ${half} has no format.jsonl or ifeval_augmented_filtered.jsonl`,
  );
  assert.match(message, 'vectors_data_path=...');
  assert.match(message, 'npx ts-node weights/download.ts data');
  // The folder above is looked into only from a part of the authors' folder.
  folderWith('.', ['questions.jsonl']);
  assert.match(
    refusal(() => dataFile(half, 'questions')),
    'has no questions.jsonl',
  );
  const beside = () => dataFileBeside(path.join(half, 'x.jsonl'), 'questions', 'length_data_path');
  assert.match(refusal(beside), 'length_data_path=...');
  const nowhere = path.join(temp, 'nowhere');
  assert.match(
    refusal(() => dataFile(nowhere, 'questions')),
    `There is no folder ${nowhere}, where the base queries`,
  );
});

test('the folder of our settings has our wordings', () => {
  for (const part of ['length', 'keyword'] as const) {
    const file = path.join(part === 'length' ? part : 'keywords', 'phrasings.yaml');
    const found = dataFile('configs', `${part}_phrasings`, 'phrasings_path');
    assert.is(path.resolve(found), path.join(projectRoot, 'configs', file));
  }
});

test('wordings follow the data; those of the project stand in, which is said', () => {
  const folder = folderWith('worded', ['length/phrasings.yaml', 'questions.jsonl']);
  const { log } = console;
  const said: string[] = [];
  console.log = (line: string) => said.push(line);
  try {
    const own = path.join(folder, 'length/phrasings.yaml');
    assert.is(phrasingsFile(null, folder, 'length_phrasings'), own);
    assert.is(phrasingsFile(null, path.join(folder, 'questions.jsonl'), 'length_phrasings'), own);
    assert.is(phrasingsFile(own, temp, 'length_phrasings'), own);
    assert.equal(said, []);
    const ours = path.join(projectRoot, 'configs/keywords/phrasings.yaml');
    assert.is(phrasingsFile(null, folder, 'keyword_phrasings'), ours);
  } finally {
    console.log = log;
  }
  assert.is(said.length, 1);
  assert.match(said[0], `${folder} has no keywords/phrasings.yaml`);
  assert.match(said[0], 'npx ts-node weights/download.ts data');
});

test("a missing file says so; one of the authors', how to get it", () => {
  const missing = path.join(temp, 'missing.jsonl');
  assert.match(
    refusal(() => dataFile(missing, 'questions')),
    `Can't read ${missing} (data_path): there is no such file.`,
  );
  for (const file of [
    'data/length/no-such-phrasings.yaml',
    path.join(projectRoot, 'data/none.yaml'),
  ]) {
    const message = refusal(() => dataFile(file, 'length_phrasings', 'phrasings_path'));
    assert.match(
      message,
      /\(phrasings_path\).*: "npx ts-node weights\/download.ts data"\. Or take our wordings: phrasings_path=configs$/,
    );
  }
});

test.run();
