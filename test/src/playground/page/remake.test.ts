/** Vectors of an address, made again where the other side lacks them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULTS, EXAMPLES } from '../../../../src/playground/page/defaults';
import { remake, renamed } from '../../../../src/playground/page/remake';
import type { Engine, PairsOfVector, VectorInfo } from '../../../../src/playground/protocol';

const vectorOf = (id: string, pairs: PairsOfVector): VectorInfo => ({
  ...{ id, from: 'pairs', names: [pairs.name], layers: [0], norms: {}, settings: {}, pairs },
});
const [lowercase, brevity, bullets] = EXAMPLES;

/** An engine that makes vectors under names of its own, and what it was asked for. */
function maker() {
  const asked: string[] = [];
  const makeVector = async (from: PairsOfVector) => {
    asked.push(from.name);
    if (from.name === 'bullets') throw new Error('No direction.');
    return vectorOf(`new-${from.name}`, from);
  };
  return { engine: { makeVector } as Engine, asked };
}

test('what is there of the same pairs is taken, the rest made, and edits follow the names', async () => {
  const { engine, asked } = maker();
  const here = [vectorOf('here', lowercase), vectorOf('other', { ...brevity, method: 'pca_diff' })];
  const wanted = [
    { id: 'a', ...lowercase },
    { id: 'b', ...brevity },
    { id: 'c', ...brevity },
    { id: 'd', ...bullets },
  ];
  const { made, names, problems } = await remake(engine, here, wanted);
  assert.equal(asked, ['brevity', 'bullets']);
  assert.equal(
    made.map(({ id }) => id),
    ['new-brevity'],
  );
  assert.is(problems.length, 1);
  assert.match(problems[0], /bullets.*No direction/);
  const steer = ['a', 'b', 'c', 'd', 'file.gguf'].map((file) => ({ file, layer: 0 }));
  const state = renamed({ settings: { ...DEFAULTS, steer }, made: wanted, auto: true }, names);
  assert.equal(
    state.settings.steer.map(({ file }) => file),
    // What could not be made keeps its name, and is missed under it.
    ['here', 'new-brevity', 'new-brevity', 'd', 'file.gguf'],
  );
  assert.equal(
    state.made.map(({ id }) => id),
    ['here', 'new-brevity', 'new-brevity', 'd'],
  );
});

test.run();
