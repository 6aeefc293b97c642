/** Which steps are taken for alike, with a backend that only pretends to record. */
import type * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Recordings } from '../../../src/backend/recordings';

/** Steps whose ops are as `ops` says when they run. */
class Fake {
  ops = 'a';
  /** Graphs that were built and not freed, by what they compute. */
  readonly graphs: string[] = [];
  readonly recordings = new Recordings(
    {},
    [],
    {
      record: (_inputs, _weights, body) => ({
        outputs: body(),
        program: { signature: this.ops, build: () => this.build(this.ops) },
      }),
    },
    (error) => assert.unreachable(String(error)),
  );

  private build(ops: string) {
    this.graphs.push(ops);
    const dispose = () => void this.graphs.splice(this.graphs.indexOf(ops), 1);
    return { run: (): tf.Tensor[] => [], dispose };
  }

  /** `g` for each step that was a graph, `o` for one op by op. */
  steps(count: number, cache: object, key = 'k'): string {
    const one = () => {
      const pass = { key, cache, inputs: [], body: () => [] };
      return this.recordings.run(pass).byGraph ? 'g' : 'o';
    };
    return Array.from({ length: count }, one).join('');
  }
}

/** Without the one line that says so. */
function quietly<T>(run: () => T): T {
  const { warn } = console;
  console.warn = () => {};
  try {
    return run();
  } finally {
    console.warn = warn;
  }
}

test('eight alike become a graph, and each new cache begins op by op', () => {
  const fake = new Fake();
  assert.is(fake.steps(12, {}), 'oooooooogggg');
  const cache = {};
  assert.is(fake.steps(5, cache), 'ogggg');
  assert.is(fake.steps(3, {}), 'ogg');
  // Two generations at once do not keep each other from their graphs.
  assert.is(fake.steps(3, cache), 'ggg');
});

test('every kind of step is compared, not only the first of a cache', () => {
  const fake = new Fake();
  fake.steps(8, {}, 'k');
  fake.steps(2, {}, 'l');
  const cache = {};
  assert.is(fake.steps(3, cache, 'k'), 'ogg');
  assert.is(fake.steps(3, cache, 'l'), 'ogg');
});

test('now and then a step is compared', () => {
  const fake = new Fake();
  const cache = {};
  fake.steps(8, cache);
  assert.is(fake.steps(130, cache), `${'g'.repeat(64)}o${'g'.repeat(64)}o`);
  fake.steps(3, cache);
  fake.ops = 'b';
  assert.throws(
    () => fake.steps(64, cache),
    /changed in the middle of a generation \("b" where "a"/,
  );
});

test('what the ops were before comes back with its graph', () => {
  const fake = new Fake();
  fake.steps(10, {});
  fake.ops = 'b';
  assert.is(
    quietly(() => fake.steps(10, {})),
    'oooooooogg',
  );
  fake.ops = 'a';
  assert.is(
    quietly(() => fake.steps(4, {})),
    'oogg',
  );
  assert.equal(fake.graphs, ['a', 'b']);
});

test('thousands of kinds of steps take no more room than some, and no graph is left', () => {
  const fake = new Fake();
  for (let i = 0; i < 3000; i++) {
    fake.ops = `ops ${i}`;
    fake.steps(i % 3 ? 1 : 9, {}, `key ${i}`);
  }
  const { programs, entries } = fake.recordings as unknown as Record<string, Map<string, object>>;
  assert.ok(programs.size <= 64, `${programs.size} programs`);
  assert.ok(entries.size <= 512, `${entries.size} keys`);
  assert.ok(fake.graphs.length <= 32, `${fake.graphs.length} graphs`);
  assert.ok(fake.graphs.length > 10, 'new ones take the place of those long unused');
  fake.recordings.dispose();
  assert.equal(fake.graphs, []);
});

test('keys are forgotten too, where all have the same ops', () => {
  const fake = new Fake();
  for (let i = 0; i < 2000; i++) fake.steps(1, {}, `key ${i}`);
  const { entries } = fake.recordings as unknown as Record<string, Map<string, object>>;
  assert.ok(entries.size <= 512, `${entries.size} keys`);
});

test('graphs in use stay, however many others come', () => {
  const fake = new Fake();
  const cache = {};
  const use = (i: number) => {
    fake.ops = `ops ${i}`;
    return fake.steps(9, cache, `key ${i}`).at(-1);
  };
  for (let i = 0; i < 40; i++) assert.is(use(i), i < 32 ? 'g' : 'o', `${i}`);
  assert.is(use(3), 'g');
});

test.run();
