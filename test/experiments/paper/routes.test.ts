import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { partsList, routeSettings } from '../../../experiments/paper/parts/routes';
import type { Script } from '../../../experiments/shared/command/script';
import type { Step } from '../../../experiments/shared/command/steps';
import { integer, text } from '../../../src/runs/config';

const script = (name: string, ...keys: string[]): Script => ({
  file: `/experiments/x/${name}.ts`,
  schema: Object.fromEntries(keys.map((key) => [key, key === 'model_name' ? text() : integer()])),
  run: async () => undefined,
});
const search = script('search', 'model_name', 'seed', 'layers');
const evaluate = script('evaluate', 'model_name', 'weight');
const runs = new Map<string, Step[]>([
  ['format', [search, evaluate]],
  ['length', [evaluate]],
  ['words', [['first', evaluate], search]],
]);

/** Overrides by experiment, as text. */
function route(...overrides: string[]) {
  const routed = [...routeSettings(runs, overrides)].map(([name, { overrides: own }]) => [
    name,
    own.join(' '),
  ]);
  return Object.fromEntries(routed);
}

test('a key goes to the experiments that have it, a step’s key to those with that step', () => {
  assert.equal(route('model_name=m', 'seed=3', 'evaluate.weight=[1,2]', 'first.weight=4'), {
    format: 'model_name=m seed=3 evaluate.weight=[1,2]',
    length: 'model_name=m evaluate.weight=[1,2]',
    words: 'model_name=m seed=3 first.weight=4',
  });
});

test('with the name of an experiment before it, to that one alone', () => {
  assert.equal(route('format.evaluate.weight=1', 'words.seed=2', 'length.weight=5'), {
    format: 'evaluate.weight=1',
    length: 'weight=5',
    words: 'seed=2',
  });
});

test('keys that no step has are refused beside the right one', () => {
  const refusal = (...overrides: string[]) => {
    try {
      route(...overrides);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  assert.match(refusal('sede=1'), /"sede".*Did you mean "seed"/);
  assert.match(refusal('length.seed=1'), '"length.seed"');
  assert.match(refusal('format.evaluate.wait=1'), /Did you mean "format\.evaluate\.weight"/);
  assert.match(refusal('evaluate.seed=1'), '"evaluate.seed"');
});

test('a file’s keys go the same ways', () => {
  const content = {
    seed: 1,
    evaluate: { weight: 2 },
    words: { search: { layers: 5 }, weight: 3 },
  };
  const routed = routeSettings(runs, [], { source: 'mine.yaml', content });
  const contents = [...routed].map(([name, { extra }]) => [name, extra[0]]);
  assert.equal(Object.fromEntries(contents), {
    format: { source: 'mine.yaml', content: { seed: 1, evaluate: { weight: 2 } } },
    length: { source: 'mine.yaml', content: { evaluate: { weight: 2 } } },
    words: { source: 'mine.yaml', content: { seed: 1, search: { layers: 5 }, weight: 3 } },
  });
  const wrong = { source: 'mine.yaml', content: { format: { evaluate: { wieght: 1 } } } };
  assert.throws(() => routeSettings(runs, [], wrong), /mine\.yaml.*Did you mean/);
});

test('only= is a list, or words with commas', () => {
  assert.equal(partsList.parse('format, keywords'), ['format', 'keywords']);
  assert.equal(partsList.parse(['length']), ['length']);
  assert.throws(() => partsList.parse('format,lenght'), /Did you mean "length"/);
});

test.run();
