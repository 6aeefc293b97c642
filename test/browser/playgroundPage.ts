/** The playground's page as its reader sees it: by labels and roles. */
import type { Locator, Page } from 'playwright-core';
import type { Pair } from '../../src/vectors/fromPairs';

export const PROMPT = 'How do I grow pumpkins?';

export const PAIRS: Pair[] = ['apples', 'bread'].map((topic) => ({
  positive: `Tell me about ${topic}. Write in lowercase.`,
  negative: `Tell me about ${topic}.`,
}));

/** A link to the page with a vector of the pairs, at the layer 0 and the last prompt token. */
export function linkTo(address: string, pairs = PAIRS): string {
  const made = { id: 'its', name: 'lowercase', method: 'mean_difference', pairs };
  const spec = { file: 'its', layer: 0, positions: 'last', weight: '1x' };
  const words = { prompt: PROMPT, made: JSON.stringify(made), steer: JSON.stringify(spec) };
  return `${address}/#${new URLSearchParams(words)}`;
}

export const parts = (page: Page) => ({
  prompt: page.getByRole('textbox', { name: 'Prompt', exact: true }),
  layer: page.getByRole('slider', { name: 'Layer' }),
  positions: page.getByRole('combobox', { name: 'Positions' }),
  strength: page.getByRole('slider', { name: 'Strength' }),
  run: page.getByRole('button', { name: 'Run', exact: true }),
  stop: page.getByRole('button', { name: 'Stop', exact: true }),
  /** Says how a run stands. */
  status: page.locator('.run-bar [role=status]'),
  unsteered: page.getByRole('region', { name: 'Unsteered answer' }),
  steered: page.getByRole('region', { name: 'Steered answer', exact: true }),
  heatMap: page.getByRole('grid'),
});

export async function answersOf(page: Page): Promise<{ unsteered: string; steered: string }> {
  const { unsteered, steered } = parts(page);
  return { unsteered: await textOf(unsteered), steered: await textOf(steered) };
}

export const textOf = async (part: Locator) => ((await part.textContent()) ?? '').trim();

/** Runs in the page: waits for a run to begin, and then to end. */
const seeRun = (status: Element) => {
  const page = globalThis as unknown as { MutationObserver: new (seen: () => void) => Observer };
  let begun = false;
  const ended = new Promise<string>((resolve) => {
    const observer = new page.MutationObserver(() => {
      const text = status.textContent ?? '';
      begun ||= text.startsWith('Running');
      if (!begun || !/^(Done|Stopped|It failed)/.test(text)) return;
      observer.disconnect();
      resolve(text);
    });
    observer.observe(status, { childList: true, characterData: true, subtree: true });
  });
  return { ended };
};

interface Element {
  textContent: string | null;
}

interface Observer {
  observe(element: Element, options: object): void;
  disconnect(): void;
}

/**
 * Does what makes the page run, and waits for the end.
 * @returns how it ended, as the page says
 * @throws Error when there is no end within a minute
 */
export async function afterRun(page: Page, act: () => Promise<unknown>): Promise<string> {
  const { status } = parts(page);
  const run = await status.evaluateHandle(seeRun as never);
  await act();
  const ended = run.evaluate((run) => (run as unknown as { ended: Promise<string> }).ended);
  const late = new Promise<never>((_, reject) => {
    setTimeout(reject, 60_000, new Error(`${act}: no run began and ended`)).unref();
  });
  return Promise.race([ended, late]);
}

/** Types the pairs in. */
export async function typePairs(page: Page, name: string, pairs: Pair[]): Promise<void> {
  await page.getByText('Make a vector from pairs').click();
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  for (const [i, { positive, negative }] of pairs.entries()) {
    await page.getByRole('textbox', { name: `Positive ${i + 1}` }).fill(positive);
    await page.getByRole('textbox', { name: `Negative ${i + 1}` }).fill(negative);
  }
}
