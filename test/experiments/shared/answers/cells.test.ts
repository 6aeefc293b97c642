/** The figures of cells, against a second computation of each that shares no code with the first. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CompositionRow,
  computeCells as compositionCells,
  STEERINGS,
} from '../../../../experiments/composition/parts/cells';
import {
  type FormatRow,
  computeCells as formatCells,
} from '../../../../experiments/format/parts/cells';
import {
  type KeywordRow,
  computeCells as keywordCells,
} from '../../../../experiments/keywords/parts/cells';
import {
  type LengthRow,
  computeCells as lengthCells,
} from '../../../../experiments/length/parts/cells';
import { cellStats, type ScoredRow } from '../../../../experiments/shared/answers/cells';
import { median } from '../../../../experiments/shared/answers/statistics';
import { seededRandom } from '../../../../src/util/random';

/** A row per key; `ok` where the mark is +. */
function scored(marks: string, more: Partial<ScoredRow> = {}): ScoredRow[] {
  return [...marks].map((mark, i) => ({
    id: `${i}`,
    key: `${i}`,
    response: 'a b',
    tokens: 2,
    stopped: 'stop' as const,
    ok: mark === '+',
    ...more,
  }));
}

/** The least count whose cumulative binomial probability reaches `quantile`. */
function binomialQuantile(n: number, p: number, quantile: number): number {
  let probability = (1 - p) ** n;
  let sum = probability;
  let count = 0;
  while (sum < quantile) {
    count++;
    probability *= ((n - count + 1) / count) * (p / (1 - p));
    sum += probability;
  }
  return count;
}

/** Drawing n keys with replacement is a binomial draw: an interval for a share of n, exactly. */
function exactInterval(n: number, p: number): number[] {
  return [0.025, 0.975].map((quantile) => binomialQuantile(n, p, quantile) / n);
}

const near = (interval: number[], expected: number[], tolerance: number) => {
  for (const i of [0, 1]) {
    assert.ok(Math.abs(interval[i] - expected[i]) <= tolerance, `${interval} for ${expected}`);
  }
};

const N = 400;
const marks = (good: number) => '+'.repeat(good) + '-'.repeat(N - good);
const draws = 20_000;

test('the interval of a share is the middle 95 % of binomial draws', () => {
  const { accuracy, accuracy_interval } = cellStats(scored(marks(120)), null, { draws });
  assert.is(accuracy, 0.3);
  near(accuracy_interval, exactInterval(N, 0.3), 1 / N);
});

test('keys are drawn, not rows: rows of one key come together', () => {
  const once = scored(marks(120));
  const thrice = [0, 1, 2].flatMap((copy) => once.map((row) => ({ ...row, id: row.id + copy })));
  near(cellStats(thrice, null, { draws }).accuracy_interval, exactInterval(N, 0.3), 1 / N);
});

test('a gain is paired: only keys whose answers differ make it uncertain', () => {
  // Both obey on 200 keys; the cell on 20 more. The gain is then a binomial draw of those 20.
  const stats = cellStats(scored(marks(220)), scored(marks(200)), { draws });
  assert.ok(Math.abs(stats.gain! - 0.05) < 1e-12);
  near(stats.gain_interval!, exactInterval(N, 0.05), 1 / N);
  const same = cellStats(scored(marks(200)), scored(marks(200)));
  assert.equal([same.gain, same.gain_interval], [0, [0, 0]]);
});

test('perplexity, tokens, characters and cut-off answers', () => {
  const rows = scored('++++').map((row, i) => ({
    ...row,
    tokens: [1, 2, 3, 100][i],
    response: [' a', 'bb ', 'ccc', 'd'.repeat(96)][i],
    stopped: (['stop', 'length', 'stop', 'stop'] as const)[i],
  }));
  const perplexities = new Map([
    ['0', 4],
    ['1', 2],
    ['2', null],
    ['3', 1434],
  ]);
  const stats = cellStats(rows, null, { perplexities });
  assert.is(stats.mean_perplexity, 480);
  assert.is(stats.median_perplexity, 4);
  assert.is(stats.n_perplexity, 3);
  assert.equal([stats.mean_tokens, stats.median_tokens], [26.5, 2.5]);
  assert.equal([stats.mean_chars, stats.median_chars], [25.5, 2.5]);
  assert.is(stats.cut_off, 0.25);
  const unjudged = cellStats(rows, null);
  assert.equal([unjudged.mean_perplexity, unjudged.median_perplexity], [null, null]);
  assert.equal([median([3, 1, 2]), median([4, 1, 3, 2])], [2, 2.5]);
});

const random = seededRandom(7);
const answer = () => ({
  response: 'x',
  tokens: 1,
  stopped: 'stop' as const,
  // Answers with the instruction obey far more often: another baseline gives another gain.
  chance: random(),
});
const KEYS = Array.from({ length: 40 }, (_, i) => `k${i}`);

const share = <R>(rows: R[], holds: (row: R) => boolean) =>
  rows.reduce((sum, row) => sum + (holds(row) ? 1 : 0), 0) / rows.length;

test('a gain is held against the unsteered answers to the same prompts, in every experiment', () => {
  const common = [false, true].flatMap((instructed) =>
    ['none', 'a', 'b'].flatMap((steering) =>
      KEYS.flatMap((key, i) =>
        [1, 2].map((n_sent) => ({
          ...answer(),
          ...{ key, instructed, steering, n_sent, prompt: '', sentences: 1, words: [] },
          ...{ layer: null, weight: null, weight_unit: null, layers: null },
          id: [key, instructed, steering, n_sent].join(),
          instruction_id: `id${i % 3}`,
          ok: false,
        })),
      ),
    ),
  );
  for (const row of common) row.ok = row.chance < (row.instructed ? 0.8 : 0.2);
  type Common = (typeof common)[number];
  const expected = (cell: Pick<Common, 'instructed' | 'steering'>, some: Common[]) => {
    const of = (steering: string) =>
      some.filter((row) => row.instructed === cell.instructed && row.steering === steering);
    if (cell.steering === 'none') return null;
    return share(of(cell.steering), ({ ok }) => ok) - share(of('none'), ({ ok }) => ok);
  };
  const lengths = lengthCells(common as LengthRow[]);
  const formats = formatCells(common as FormatRow[]);
  const keywords = keywordCells(common as KeywordRow[]);
  for (const cells of [lengths, formats, keywords]) {
    assert.is(cells.length, 6);
    for (const cell of cells) assert.is(cell.gain, expected(cell, common));
  }
  for (const cell of lengths) {
    for (const { n_sent, gain } of cell.by_n_sent) {
      const some = common.filter((row) => row.n_sent === n_sent);
      assert.is(gain, expected(cell, some));
    }
  }
  for (const cell of formats) {
    for (const { instruction_id, gain } of cell.by_instruction) {
      const some = common.filter((row) => row.instruction_id === instruction_id);
      assert.is(gain, expected(cell, some));
    }
  }
});

test('in a composition the prompts are the same where they hold the same of both', () => {
  const rows = [false, true].flatMap((format_instruction) =>
    [false, true].flatMap((length_instruction) =>
      STEERINGS.flatMap((steering) =>
        KEYS.map((key): CompositionRow => {
          const format_ok = random() < (format_instruction ? 0.9 : 0.1);
          const length_ok = random() < (length_instruction ? 0.7 : 0.4);
          return {
            ...{ key, format_instruction, length_instruction, steering, format_ok, length_ok },
            ...{ response: 'x', tokens: 1, stopped: 'stop', instruction_id: 'i', n_sent: 1 },
            ...{ prompt: '', sentences: 1, words: 1, ok: format_ok && length_ok },
            id: [key, format_instruction, length_instruction, steering].join(),
          };
        }),
      ),
    ),
  );
  const cells = compositionCells(rows);
  assert.is(cells.length, 16);
  for (const cell of cells) {
    const of = (steering: string) =>
      rows.filter(
        (row) =>
          row.format_instruction === cell.format_instruction &&
          row.length_instruction === cell.length_instruction &&
          row.steering === steering,
      );
    for (const [name, score] of [
      ['both', 'ok'],
      ['format', 'format_ok'],
      ['length', 'length_ok'],
    ] as const) {
      const own = share(of(cell.steering), (row) => row[score]);
      const none = share(of('none'), (row) => row[score]);
      assert.is(cell[name].accuracy, own);
      assert.is(cell[name].gain, cell.steering === 'none' ? null : own - none);
    }
  }
});

test.run();
