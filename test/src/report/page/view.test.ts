import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packAnswers, unpackAnswers } from '../../../../src/report/packedAnswers';
import {
  firstView,
  fromFragment,
  rowsOf,
  toFragment,
  type View,
  valuesOf,
} from '../../../../src/report/page/view';
import type { AnswerTable } from '../../../../src/report/types';

const answer = (
  text: string,
  cell: string,
  ok: boolean,
  perplexity: number | null,
  tokens: number,
) => ({
  ...{ key: '1', prompt: 'Tell me about tea.', values: [cell], evidence: `${tokens} words` },
  ...{ response: { text, marks: [[0, 3]] as [number, number][] }, ok, perplexity, tokens },
});
const table: AnswerTable = {
  filters: ['cell'],
  rows: [
    answer('Tea is hot.', 'with', true, 2, 30),
    { ...answer('Drink it.', 'without', false, 9, 10), unsteered: 0 },
    { ...answer('Green TEA.', 'without', true, null, 20), unsteered: 0 },
  ],
};
const found = (part: Partial<View>) =>
  rowsOf(table, { ...firstView(table), ...part }).map(({ tokens }) => tokens);

test('answers are found by filter, verdict and text', () => {
  assert.equal(found({}), [30, 10, 20]);
  assert.equal(found({ values: ['without'] }), [10, 20]);
  assert.equal(found({ verdict: 'followed' }), [30, 20]);
  assert.equal(found({ verdict: 'not followed' }), [10]);
  assert.equal(found({ find: ' green tea' }), [20]);
  assert.equal(found({ find: '10 WORDS' }), [10]);
  assert.equal(found({ values: ['without'], verdict: 'followed', find: 'hot' }), []);
});

test('the choices of a filter stand as they first come, numbers in their order', () => {
  assert.equal(valuesOf(table), [['with', 'without']]);
  const rows = ['3', '10', '1'].map((n) => ({ ...table.rows[0], values: [n] }));
  assert.equal(valuesOf({ filters: ['n'], rows }), [['1', '3', '10']]);
});

test('sorted by length and perplexity; what has none comes last', () => {
  assert.equal(found({ sort: 'length-up' }), [10, 20, 30]);
  assert.equal(found({ sort: 'length-down' }), [30, 20, 10]);
  assert.equal(found({ sort: 'perplexity-up' }), [30, 10, 20]);
  assert.equal(found({ sort: 'perplexity-down' }), [10, 30, 20]);
});

test('a view goes through the address', () => {
  const view: View = {
    ...{ values: ['without'], verdict: 'not followed', find: 'a&b=#ü' },
    ...{ sort: 'length-down', page: 3 },
  };
  assert.equal(fromFragment(table, toFragment(table, view)), view);
  assert.is(toFragment(table, firstView(table)), '#answers?');
});

test('an address of another report shows what it can', () => {
  const view = fromFragment(
    table,
    '#answers?by-cell=gone&by-model=x&sort=age&verdict=maybe&page=-3',
  );
  assert.equal(view, firstView(table));
  assert.equal(fromFragment(table, '#settings'), firstView(table));
});

test('packed answers are the same answers', () => {
  const packed = JSON.parse(JSON.stringify(packAnswers(table)));
  assert.equal(unpackAnswers(packed), table);
  assert.is(packed.texts.filter((text: string) => text === 'Tell me about tea.').length, 1);
});

test.run();
