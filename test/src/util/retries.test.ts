import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { askedWait, GaveUp, type Retries, Transient, withRetries } from '../../../src/util/retries';

const headers = (values: Record<string, string>) => ({
  get: (name: string) => values[name] ?? null,
});

/** Tries what fails `failures` times; returns how long was waited, and what was said. */
async function tries(
  failures: ((at: number) => Error)[],
  settings: Partial<Retries> = {},
): Promise<{ waits: number[]; lines: string[]; outcome: unknown }> {
  const waits: number[] = [];
  const lines: string[] = [];
  const retries: Retries = {
    delays: [1, 2, 4],
    out: { write: (line: string) => lines.push(line) },
    sleep: async (seconds) => {
      waits.push(seconds);
    },
    ...settings,
  };
  let at = 0;
  const outcome = await withRetries('it', retries, async () => {
    if (at < failures.length) throw failures[at](at++);
    return 'done';
  }).catch((error: unknown) => error);
  return { waits, lines, outcome };
}

const broken = () => new Transient('the line is cut');

test('waits grow, and are no shorter than the server asks for', async () => {
  const asked = () => new Transient('slow down', { wait: 30 });
  const { waits, lines, outcome } = await tries([broken, asked, broken]);
  const atOnce = await tries(Array(3).fill(() => new Transient('slow down', { wait: 0 })));
  assert.equal(atOnce.waits, [1, 2, 4]);
  assert.is(outcome, 'done');
  assert.equal(waits, [1, 30, 4]);
  assert.is(lines[1], 'it: slow down. Trying again in 30 s.\n');
});

test('nobody is waited for longer than ten minutes', async () => {
  const { waits } = await tries([() => new Transient('tomorrow', { wait: 86_400 })]);
  assert.equal(waits, [600]);
});

test('after the last delay it is given up; other errors are no reason to try again', async () => {
  const { waits, outcome } = await tries(Array(9).fill(broken));
  assert.equal(waits, [1, 2, 4]);
  assert.ok(outcome instanceof GaveUp);
  assert.match(outcome.message, /^it: the line is cut \(tried 4 times\)/);
  const other = await tries([() => new Error('a defect')]);
  assert.equal(other.waits, []);
  assert.match(`${other.outcome}`, /a defect/);
});

test('an attempt that got further makes earlier failures forgotten', async () => {
  const further = () => new Transient('cut', { progress: true });
  const { waits, outcome } = await tries([broken, broken, further, broken]);
  assert.is(outcome, 'done');
  assert.equal(waits, [1, 2, 1, 2]);
});

test('jitter leaves a random part of a delay out, up to its share', async () => {
  const many = await tries(Array(60).fill(broken), { delays: Array(60).fill(8), jitter: 0.5 });
  assert.ok(many.waits.every((wait) => wait > 4 && wait <= 8));
  assert.ok(new Set(many.waits).size > 50);
  const asked = await tries([() => new Transient('wait', { wait: 3 })], { jitter: 0.5 });
  assert.equal(asked.waits, [3]);
});

test('the first failures in a row may pass without a word', async () => {
  const { lines } = await tries(Array(3).fill(broken), { quiet: 2 });
  assert.equal(lines, ['it: the line is cut. Trying again in 4 s.\n']);
});

test('Retry-After is read in seconds and as a time of day', () => {
  const now = Date.UTC(2026, 10, 25, 9, 0, 0);
  const after = (value: string) => askedWait(headers({ 'retry-after': value }), now);
  assert.is(after('30'), 30);
  assert.is(after('0'), 0);
  assert.is(after('1.5'), 1.5);
  assert.is(after('Wed, 25 Nov 2026 09:01:30 GMT'), 90);
  assert.is(after('Wed, 25 Nov 2026 08:00:00 GMT'), 0, 'it is past');
  for (const nonsense of ['', 'soon', '-1']) {
    assert.is(after(nonsense), undefined, nonsense);
  }
  assert.is(askedWait(headers({}), now), undefined);
  assert.is(askedWait(headers({ ratelimit: '"api";r=0;t=40' }), now), 40);
});

test.run();
