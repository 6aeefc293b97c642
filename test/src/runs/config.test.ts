import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCommandLine, sweep } from '../../../experiments/shared/command/commandLine';
import { defaultsFile, describeKeys } from '../../../experiments/shared/command/help';
import { defineScript, runScript } from '../../../experiments/shared/command/script';
import { planSteps } from '../../../experiments/shared/command/steps';
import {
  configToYaml,
  flag,
  integer,
  layer,
  listOf,
  loadConfig,
  loadWithSources,
  nameText,
  nullable,
  number,
  oneOf,
  parseOverride,
  readYaml,
  text,
} from '../../../src/runs/config';
import { InputError } from '../../../src/util/errors';

const schema = {
  model_name: text(),
  n_examples: integer({ min: 1 }),
  weights: listOf(number()),
  mode: oneOf(['at_most', 'at_least']),
  both: oneOf([true, false, 'both']),
  dry_run: flag(),
  layer: nullable(integer({ min: 0 })),
};
const YAML = `model_name: tiny # which model
n_examples: 50 # how many rows
weights: [1, 2.5] # factors,
  # one each
mode: at_most
both: both
dry_run: false
layer: null
`;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-config-'));
const file = path.join(folder, 'a.yaml');
fs.writeFileSync(file, YAML);
test.after(() => fs.rmSync(folder, { recursive: true }));

function load(...overrides: string[]) {
  return loadConfig(schema, file, { overrides });
}

function refuses(act: () => unknown, ...words: (string | RegExp)[]) {
  try {
    act();
  } catch (error) {
    assert.instance(error, InputError);
    for (const word of words) assert.match((error as Error).message, word);
    return;
  }
  assert.unreachable('should have been refused');
}

test('defaults come from the file, in schema order', () => {
  const config = load();
  assert.equal(config, {
    model_name: 'tiny',
    n_examples: 50,
    weights: [1, 2.5],
    mode: 'at_most',
    both: 'both',
    dry_run: false,
    layer: null,
  });
  assert.is(configToYaml(config).split('\n')[1], 'n_examples: 50');
});

test('overrides are read as YAML', () => {
  const config = load('weights=[0.5,-3]', 'layer=4', 'both=true', 'model_name=12', 'dry_run=true');
  assert.equal(config.weights, [0.5, -3]);
  assert.is(config.layer, 4);
  assert.is(config.both, true);
  assert.is(config.model_name, '12');
  assert.is(config.dry_run, true);
  assert.equal(load('weights=7').weights, [7]);
  assert.equal(parseOverride('a=b=c'), { key: 'a', value: 'b=c' });
  for (const name of ['007', '00884130', '1234e567']) {
    assert.equal(parseOverride(`name=${name}`), { key: 'name', value: name });
  }
  for (const number of ['0', '-5', '0.7', '1e3', '1e-4', '12345678']) {
    assert.equal(parseOverride(`n=${number}`), { key: 'n', value: Number(number) });
  }
});

test('a second file overrides the defaults, the command line both', () => {
  const extraFile = path.join(folder, 'b.yaml');
  const read = (...overrides: string[]) =>
    loadConfig(schema, file, { extra: [readYaml(extraFile)], overrides });
  fs.writeFileSync(extraFile, 'n_examples: 7\nlayer: 2\n');
  const config = read('layer=3');
  assert.is(config.n_examples, 7);
  assert.is(config.layer, 3);
  fs.writeFileSync(extraFile, 'n_example: 7\n');
  refuses(() => read(), 'Unknown key "n_example"', 'b.yaml');
});

test('a file may have other defaults for a model; what the user gives comes first', () => {
  const models = path.join(folder, 'models.yaml');
  fs.writeFileSync(models, `${YAML}models:\n  small: {layer: 1, n_examples: 3}\n`);
  const read = (...overrides: string[]) => {
    const { layer, n_examples } = loadConfig(schema, models, { overrides });
    return [layer, n_examples];
  };
  assert.equal(read(), [null, 50]);
  assert.equal(read('model_name=small'), [1, 3]);
  assert.equal(read('model_name=weights/small', 'layer=2'), [2, 3]);
  const extra = path.join(folder, 'extra-models.yaml');
  fs.writeFileSync(extra, 'model_name: small\nn_examples: 9\n');
  assert.is(loadConfig(schema, models, { extra: [readYaml(extra)] }).n_examples, 9);
  fs.writeFileSync(models, `${YAML}models:\n  small: {lyaer: 1}\n`);
  refuses(() => read('model_name=small'), 'Unknown key "lyaer"', '"layer"');
});

test('a file may have other defaults for a value; the more special ones of a file come last', () => {
  const cases = path.join(folder, 'cases.yaml');
  const write = (more: string, to = cases) => fs.writeFileSync(to, more);
  const read = (...overrides: string[]) => {
    const { layer, n_examples } = loadConfig(schema, cases, { overrides });
    return [layer, n_examples];
  };
  write(`${YAML}cases: {mode: {at_least: {layer: 1, n_examples: 3}}}\n`);
  assert.equal(read(), [null, 50]);
  assert.equal(read('mode=at_least'), [1, 3]);
  assert.equal(read('mode=at_least', 'layer=2'), [2, 3]);
  const special = 'models: {small: {layer: 7, cases: {mode: {at_least: {n_examples: 8}}}}}\n';
  write(`${YAML}cases: {mode: {at_least: {layer: 1, n_examples: 3}}}\n${special}`);
  assert.equal(read('mode=at_least'), [1, 3]);
  assert.equal(read('model_name=small'), [7, 50]);
  assert.equal(read('mode=at_least', 'model_name=small'), [7, 8]);
  // A later file comes before all of an earlier one, and its cases look at the values in the end.
  const later = path.join(folder, 'later.yaml');
  write('mode: at_least\nlayer: 9\ncases: {both: {true: {n_examples: 4}}}\n', later);
  const options = { extra: [readYaml(later)], overrides: ['both=true'] };
  const both = loadWithSources(schema, cases, options);
  assert.equal([both.config.layer, both.config.n_examples], [9, 4]);
  assert.is(both.sources.get('layer'), later);
  assert.is(both.sources.get('weights'), cases);
  assert.is(both.sources.get('both'), 'command line');
});

test('keys and values of cases are checked, whether they hold or not', () => {
  const cases = path.join(folder, 'bad-cases.yaml');
  const read = (more: string) => () => {
    fs.writeFileSync(cases, `${YAML}${more}\n`);
    return loadConfig(schema, cases);
  };
  refuses(read('cases: {mode: {at_least: {lyaer: 1}}}'), 'Unknown key "lyaer"', '"layer"');
  refuses(read('cases: {mdoe: {at_least: {layer: 1}}}'), 'Unknown key "mdoe"', '"mode"');
  refuses(read('cases: {mode: {at_leest: {layer: 1}}}'), 'cases of mode', '"at_least"');
  refuses(read('cases: {mode: at_least}'), 'cases must hold');
  refuses(read('models: {other: {lyaer: 1}}'), 'Unknown key "lyaer"', '"layer"');
  refuses(read('models: {other: 3}'), 'models must hold');
});

test('a key that there is not, or a value, may get more than a suggestion', () => {
  const hints = {
    unknown: (key: string) => (key === 'old' ? 'It is called layer.' : undefined),
    refused: (_: string, value: unknown) => (value === -1 ? 'Count from 0.' : undefined),
  };
  const read = (override: string) => () =>
    loadConfig(schema, file, { overrides: [override], hints });
  refuses(read('old=3'), 'Unknown key "old" (command line). It is called layer. --help');
  refuses(read('lyaer=3'), 'Did you mean "layer"?');
  refuses(read('layer=-1'), 'at least 0, not -1. Count from 0.');
  refuses(read('layer=-2'), /not -2\.$/);
});

test('--multirun: every combination, the last key fastest; commas inside lists stay', () => {
  const command = readCommandLine(['a=1,2', '--multirun', 'b=[1,2],"x,y"', 'c=z']);
  assert.is(command.multirun, true);
  assert.equal(sweep(command.overrides), [
    ['a=1', 'b=[1,2]', 'c=z'],
    ['a=1', 'b="x,y"', 'c=z'],
    ['a=2', 'b=[1,2]', 'c=z'],
    ['a=2', 'b="x,y"', 'c=z'],
  ]);
  assert.equal(sweep([]), [[]]);
});

test('the steps of a run get the keys that they have, and a typo is refused', () => {
  const nothing = async () => {};
  const one = defineScript('/x/one.ts', { seed: integer(), layer: integer() }, nothing);
  const two = defineScript('/x/two.ts', { seed: integer() }, nothing);
  const defaults = path.join(folder, 'run.yaml');
  fs.writeFileSync(defaults, 'layer: 3\ntwo: {seed: 9}\n');
  const plan = (...overrides: string[]) => planSteps(defaults, [one, two], { overrides });
  const [first, second] = plan('seed=1', 'two.seed=2');
  assert.equal(
    first.extra.map(({ content }) => content),
    [{ layer: 3 }],
  );
  assert.equal(first.overrides, ['seed=1']);
  assert.equal(
    second.extra.map(({ content }) => content),
    [{}, { seed: 9 }],
  );
  assert.equal(second.overrides, ['two.seed=2'.slice(4)]);
  refuses(() => plan('two.layer=1'), 'Unknown key "two.layer"', 'one, two');
  refuses(() => plan('sede=1'), '"seed"');
  fs.writeFileSync(defaults, 'two: {sede: 9}\n');
  refuses(() => plan(), 'Unknown key "two.sede"', 'run.yaml');
});

test('a script run twice has two names; a step may have other defaults for models', async () => {
  const seen: unknown[] = [];
  const one = defineScript(
    path.join(__dirname, '../../../experiments/length/load_results.ts'),
    {
      model_name: text(),
      output_path: text(),
      name: nullable(text()),
      run_folder: nullable(text()),
      dry_run: flag(),
    },
    async (config) => {
      seen.push(config.name);
    },
  );
  const defaults = path.join(folder, 'named.yaml');
  fs.writeFileSync(defaults, 'a: {name: x, models: {tiny-gemma2: {name: y}}}\nb: {name: z}\n');
  const plan = planSteps(
    defaults,
    [
      ['a', one],
      ['b', one],
    ],
    { overrides: ['b.run_folder=f'] },
  );
  assert.equal(
    plan.map(({ name, overrides }) => [name, ...overrides]),
    [['a'], ['b', 'run_folder=f']],
  );
  for (const { script, extra, overrides } of plan) await runScript(script, extra, overrides);
  assert.equal(seen, ['y', 'z']);
});

test('bad input is refused with key, place and a suggestion', () => {
  refuses(() => load('n_exmples=3'), 'Unknown key "n_exmples"', 'command line', '"n_examples"');
  refuses(() => load('mode=at_moost'), 'mode (command line)', /Did you mean "at_most"\?$/);
  refuses(() => load('n_examples=0'), 'n_examples', 'at least 1', 'not 0');
  refuses(() => load('n_examples=1.5'), 'whole number');
  refuses(() => load('n_examples='), 'n_examples', 'not ""');
  refuses(() => load('weights=[]'), 'empty list');
  refuses(() => load('weights=[a]'), 'weights', 'not "a"');
  refuses(() => load('dry_run=yes'), 'true or false');
  refuses(() => load('n_examples=3', 'n_examples=4'), 'given twice');
  refuses(() => load('n_examples'), 'key=value');
  refuses(() => load('weights=[1,'), 'value of weights');
  fs.writeFileSync(path.join(folder, 'c.yaml'), 'a: 1\na: 2\n');
  refuses(() => loadConfig(schema, path.join(folder, 'c.yaml')), 'c.yaml', 'unique');
  fs.writeFileSync(path.join(folder, 'd.yaml'), 'n_examples: 1\n');
  refuses(() => loadConfig(schema, path.join(folder, 'd.yaml')), 'model_name', 'nothing');
  refuses(() => loadConfig(schema, path.join(folder, 'none.yaml')), "Can't read", 'none.yaml');
});

test('a name is one part of a path and no other', () => {
  const names = { a: nullable(nameText()) };
  const file = path.join(folder, 'names.yaml');
  fs.writeFileSync(file, 'a: null\n');
  const read = (given: string) => loadConfig(names, file, { overrides: [`a=${given}`] }).a;
  for (const good of ['b', '12', '0.5x', 'wörter 2', 'a..b', '"7e1"', 'a,b']) {
    assert.is(read(good), good.replaceAll('"', ''));
  }
  assert.is(read('null'), null);
  const bad = [
    '',
    '""',
    '" "',
    '.',
    '..',
    '../../evil',
    '/tmp/x',
    'a/b',
    'a\\b',
    '.hidden',
    '"a\\0b"',
  ];
  for (const given of [...bad, '"a\\nb"', '"b "', 'ü'.repeat(91), '[a]', 'true']) {
    refuses(() => read(given), 'a (command line) must be a name');
  }
  for (const given of ['ivs', 'representations', 'Layer_Search']) {
    refuses(() => read(given), 'holds something else');
  }
});

test('text is never blank, and holds no NUL', () => {
  for (const given of ['', '" "', '"a\\0b"']) refuses(() => load(`model_name=${given}`), 'text');
});

test('a key with layers is known as such; a list without brackets gets both ways to mean it', () => {
  assert.is(nullable(listOf(layer())).ofLayers, true);
  assert.not.ok(integer({ min: 0 }).ofLayers);
  refuses(() => layer().parse(-1), 'at least 0');
  refuses(() => load('weights=0,1'), 'weights=[0,1]', 'with --multirun, weights=0,1');
  refuses(() => load('layer=0,1'), 'layer=[0,1]');
});

test('--help takes default and meaning from the file', () => {
  const keys = describeKeys(YAML);
  assert.equal(keys[0], { key: 'model_name', default: 'tiny', meaning: 'which model' });
  assert.is(keys[2].default, '[1, 2.5]');
  assert.is(keys[2].meaning, 'factors, one each');
  assert.is(keys[6].default, 'null');
});

test('flags and overrides may come in any order', () => {
  const script = path.join(__dirname, '../../../experiments/length/load_results.ts');
  const schema = {
    model_name: text(),
    output_path: text(),
    name: text(),
    run_folder: nullable(text()),
    dry_run: flag(),
  };
  const read = (...words: string[]) => {
    const { overrides, extraFile } = readCommandLine(words);
    const extra = extraFile === undefined ? [] : [readYaml(extraFile)];
    return loadConfig(schema, defaultsFile(script), { extra, overrides });
  };
  assert.is(read('--dry-run', 'name=x').name, 'x');
  assert.is(read('--dry-run', 'name=x').dry_run, true);
  assert.is(read('name=x', '--dry-run').name, 'x');
  fs.writeFileSync(path.join(folder, 'extra.yaml'), 'name: y\noutput_path: z\n');
  const extra = read('--config', path.join(folder, 'extra.yaml'), 'output_path=w');
  assert.equal([extra.name, extra.output_path], ['y', 'w']);
  refuses(() => read('--config'), 'value is missing');
  refuses(() => read('--nmae'), 'nmae', 'key=value');
  refuses(() => read('nmae=x'), '"name"');
});

test.run();
