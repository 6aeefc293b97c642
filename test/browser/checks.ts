/** What holds for every page of ours. */
import * as assert from 'node:assert';
import * as fs from 'node:fs';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** @throws AssertionError that lists what axe-core finds serious or critical */
export async function assertAccessible(page: Page): Promise<void> {
  if (!(await page.evaluate('"axe" in globalThis'))) await page.evaluate(axe);
  const run = "axe.run({ resultTypes: ['violations'] })";
  const { violations } = (await page.evaluate(run)) as AxeResults;
  const findings = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, impact, nodes }) =>
      nodes.map(({ target, failureSummary = '' }) => {
        const why = failureSummary.split('\n').slice(1).join('; ').trim();
        return `${impact}: ${id}: ${target.join(' ')}: ${why}`;
      }),
    );
  assert.deepStrictEqual(findings, []);
}

/** What is cut by the window's right edge, unless it lies in a part that scrolls by itself. */
const beyondTheEdge = `[...document.body.querySelectorAll('*')]
  .filter((element) => element.checkVisibility())
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .filter((element) => {
    for (let up = element; up !== document.body; up = up.parentElement) {
      if (up !== element && getComputedStyle(up).overflowX !== 'visible') return false;
    }
    return true;
  })
  .map((element) => element.outerHTML.slice(0, 120))`;

/** @throws AssertionError when a reader would have to scroll sideways, or could not see all */
export async function assertFits(page: Page): Promise<void> {
  assert.deepStrictEqual(await page.evaluate(beyondTheEdge), []);
  const wide = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  assert.strictEqual(await page.evaluate(wide), 0, 'the page is wider than its window');
}
