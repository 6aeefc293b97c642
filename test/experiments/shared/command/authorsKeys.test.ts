/** Keys of the authors' scripts: what is said of them, and the page that lists them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { script as composition } from '../../../../experiments/composition/evaluate_format_plus_length';
import { script as custom } from '../../../../experiments/custom/evaluate';
import { script as formatVectors } from '../../../../experiments/format/compute_representations';
import { script as formatEvaluate } from '../../../../experiments/format/evaluate';
import { script as findBestLayer } from '../../../../experiments/format/find_best_layer';
import { script as precomputeIvs } from '../../../../experiments/format/precompute_ivs';
import { run as formatRun } from '../../../../experiments/format/run';
import { script as keywordVectors } from '../../../../experiments/keywords/compute_representations';
import { script as keywordEvaluate } from '../../../../experiments/keywords/evaluate';
import { script as lengthVectors } from '../../../../experiments/length/compute_representations';
import { script as lengthEvaluate } from '../../../../experiments/length/evaluate';
import { routeSettings } from '../../../../experiments/paper/parts/routes';
import { AUTHORS_KEYS, AUTHORS_VALUES } from '../../../../experiments/shared/command/authorsKeys';
import { runScript, type Script } from '../../../../experiments/shared/command/script';
import { InputError } from '../../../../src/util/errors';

const SCRIPTS = [
  ...[formatVectors, findBestLayer, precomputeIvs, formatEvaluate, lengthVectors, lengthEvaluate],
  ...[keywordVectors, keywordEvaluate, composition, custom],
];

async function refusal(script: Script, override: string): Promise<string> {
  try {
    await runScript(script, [], [override, 'dry_run=true']);
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  throw new Error(`${override} should have been refused`);
}

test('the page has the table that scripts go by', () => {
  const page = fs.readFileSync(path.join(__dirname, '../../../../docs/paper.md'), 'utf8');
  const [, section] = page.split("## The authors' keys");
  const rows = [...section.split('\n## ')[0].matchAll(/^\| `(.+?)` +\| (.+?) *\|$/gm)];
  assert.equal(
    rows.map(([, theirs, here]) => [theirs, here]),
    Object.entries({ ...AUTHORS_KEYS, ...AUTHORS_VALUES }),
  );
});

test('wherever a script lacks a key of theirs, it says what does that here', async () => {
  for (const [key, here] of Object.entries(AUTHORS_KEYS)) {
    const lacking = SCRIPTS.filter(({ schema }) => !(key in schema));
    assert.ok(lacking.length, `all have ${key}`);
    for (const script of lacking) {
      const message = await refusal(script, `${key}=null`);
      const said = here.replaceAll('`', '');
      assert.match(
        message,
        `Unknown key "${key}" (command line). It is a key of the authors' scripts`,
      );
      assert.match(message, `here: ${said}.`);
      assert.not.match(message, 'Did you mean');
    }
  }
});

test('keys that are named in place of theirs are keys of ours', () => {
  const ours = new Set(SCRIPTS.flatMap(({ schema }) => Object.keys(schema)));
  const others = ['prompt_without_instruction', 'prompt', 'precompute_ivs', 'hf auth login'];
  const values = ['existence_validation', 'forbidden_validation'];
  for (const here of Object.values({ ...AUTHORS_KEYS, ...AUTHORS_VALUES })) {
    for (const [, word] of here.matchAll(/`(.+?)`/g)) {
      const key = word.split('=')[0];
      assert.ok(ours.has(key) || [...others, ...values].includes(key), word);
    }
  }
});

test('a run explains them too, for all steps and for one', async () => {
  const command = { multirun: false, wide: false };
  for (const key of ['hf_model', 'evaluate.hf_model', 'find_best_layer.cross_model_steering']) {
    const bare = key.replace(/.*\./, '');
    try {
      await formatRun({ ...command, overrides: [`${key}=true`, 'dry_run=true'] });
      assert.unreachable(key);
    } catch (error) {
      assert.instance(error, InputError, String(error));
      const { message } = error as Error;
      assert.match(message, `Unknown key "${key}" (command line): none of the steps has it.`);
      assert.match(message, AUTHORS_KEYS[bare].replaceAll('`', '').split(',')[0]);
    }
  }
});

test('reproduce explains them too', () => {
  const runs = new Map([['format', [formatEvaluate]]]);
  for (const key of ['hf_model', 'evaluate.hf_model', 'format.evaluate.hf_model']) {
    const act = () => routeSettings(runs, [`${key}=true`]);
    assert.throws(act, new RegExp(`Unknown key "${key}".*here: not needed: one engine`));
  }
  assert.throws(() => routeSettings(runs, ['sterring=none']), /Did you mean "steering"/);
});

test('-1 as a layer: the three things that it means there, and what each is here', async () => {
  const all: [Script, string][] = [
    [lengthEvaluate, 'source_layer_idx=-1'],
    [keywordEvaluate, 'source_layer_idx=[-1]'],
    [formatEvaluate, 'source_layer_idx=-1'],
    [composition, 'length_source_layer_idx=-1'],
    [precomputeIvs, 'fixed_layer=-1'],
  ];
  for (const [script, override] of all) {
    const message = await refusal(script, override);
    assert.match(message, /no steering, or the layer of the search, or the last layer/);
    assert.match(message, 'steering=none for no steering');
  }
  assert.not.match(await refusal(lengthEvaluate, 'source_layer_idx=-2'), "the authors' scripts");
});

test.run();
