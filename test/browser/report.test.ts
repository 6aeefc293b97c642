/** A report as its reader opens it: a file, with 10,000 answers. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeReport } from '../../src/report';
import { cellsChart } from '../../src/report/charts';
import type { Report, ReportedAnswer } from '../../src/report/types';
import { assertAccessible, assertFits } from './checks';
import { program } from './chromium';
import { textOf } from './playgroundPage';
import { testPage } from './testPage';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-report-'));
let address: string;
let hasPictures: boolean;

/** Of every four, one is unsteered, three are steered; every third obeys. */
const rows = Array.from({ length: 10_000 }, (_, i): ReportedAnswer => {
  const text = `Answer ${i}. ${'It is a sentence. '.repeat(10)}`;
  const unsteered = i - (i % 4);
  return {
    key: `${unsteered}`,
    prompt: `How do I grow plant ${unsteered}?`,
    values: [i % 2 ? 'with' : 'without', i % 4 ? `add ${i % 4}x` : 'none'],
    response: { text, marks: [[0, 'Answer'.length]] },
    ...{ ok: i % 3 === 0, evidence: '11 sentences, at most 5', perplexity: 2 + i / 1000 },
    tokens: 50,
    ...(i % 4 > 0 && { unsteered }),
  };
});

if (program) {
  test.before(async () => {
    const cell = { prompts: 'Without', steering: 'add 1x', steered: true, share: 0.5 };
    const report: Report = {
      ...{ title: 'Length', summary: 'tiny-gemma2, at most n sentences.' },
      sections: [
        {
          title: 'Four cells',
          figures: [
            { id: 'cells', title: 'Obeyed', caption: 'A share.', spec: cellsChart([cell]) },
          ],
          tables: [
            {
              title: 'Cells',
              table: { columns: [{ name: 'n' }, { name: 'of' }], rows: [{ cells: ['1', '2'] }] },
            },
          ],
        },
      ],
      answers: { filters: ['instruction', 'steering'], rows },
      runs: [
        { name: 'one', folder: 'runs/one', command: 'npx it', settings: { a: 1 }, notices: [] },
      ],
    };
    const written = await writeReport(report, folder);
    address = pathToFileURL(written.page).href;
    hasPictures = written.missing === undefined;
  });
}
test.after(() => fs.rmSync(folder, { recursive: true }));

const controls = (page: Page) => ({
  status: page.getByRole('status').filter({ hasText: 'answers' }),
  shown: page.locator('ol.answers > li'),
  choose: (name: string, value: string) => page.getByLabel(name).selectOption(value),
});

testPage(
  '10,000 answers are filtered by instruction, steering, verdict and words',
  async (page) => {
    const { status, shown, choose } = controls(page);
    await page.goto(address);
    const counted = async (part: (row: ReportedAnswer) => boolean) => {
      const right = rows.filter(part);
      const said = new Intl.NumberFormat('en').format(right.length);
      assert.match(await textOf(status), `${said} of 10,000 answers`);
      // Work and memory do not grow with the answers: a page of them is there.
      assert.is(await shown.count(), Math.min(25, right.length));
      const first = await textOf(shown.first());
      for (const text of [right[0].prompt, right[0].response.text.trim()])
        assert.match(first, text);
    };
    await counted(() => true);
    await choose('instruction', 'with');
    await counted(({ values }) => values[0] === 'with');
    await choose('steering', 'add 3x');
    await counted(({ values }) => values[0] === 'with' && values[1] === 'add 3x');
    await choose('verdict', 'not followed');
    const isLeft = ({ values, ok }: ReportedAnswer) =>
      values[0] === 'with' && values[1] === 'add 3x' && !ok;
    await counted(isLeft);
    // Beside it stands the unsteered answer, and what decided is marked in both.
    const first = rows.find(isLeft)!;
    const item = shown.first();
    assert.match(await textOf(item), rows[first.unsteered!].response.text.trim());
    assert.equal(await item.locator('mark').allTextContents(), ['Answer', 'Answer']);
    await page.getByLabel('find').fill('plant 9992?');
    await counted((row) => isLeft(row) && row.prompt.includes('plant 9992?'));
    // The view is in the address.
    await page.reload();
    await counted((row) => isLeft(row) && row.prompt.includes('plant 9992?'));
    assert.ok((await page.locator('*').count()) < 2000);
  },
);

testPage('answers are turned like pages', async (page) => {
  const { status, shown } = controls(page);
  await page.goto(address);
  await page.getByRole('button', { name: 'Next' }).click();
  assert.match(await textOf(status), '10,000 of 10,000 answers, of which 26 to 50');
  assert.match(await textOf(shown.first()), rows[25].response.text.trim());
});

testPage('figures are seen, in light, dark and print, and a phone is wide enough', async (page) => {
  await page.goto(address);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await assertAccessible(page);
  }
  await page.setViewportSize({ width: 400, height: 800 });
  await assertFits(page);
  await assertAccessible(page);
  if (hasPictures) {
    const picture = page.locator('figure svg').first();
    const box = (await picture.boundingBox())!;
    assert.ok(box.width > 200 && box.height > 50, JSON.stringify(box));
  }
  await page.emulateMedia({ media: 'print', colorScheme: null });
  assert.not.ok(await page.getByRole('search').isVisible());
  // A browser says so before it prints; then all tables open.
  await page.evaluate("dispatchEvent(new Event('beforeprint'))");
  const tables = page.locator('table');
  for (const table of await tables.all()) assert.ok(await table.isVisible());
});

test.run();
