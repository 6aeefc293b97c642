/** The page and its pictures, as files. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeReport } from '../../../src/report';
import { cellsChart } from '../../../src/report/charts';
import { load, PACKAGES } from '../../../src/report/draw/drawing';
import { unpackAnswers } from '../../../src/report/packedAnswers';
import type { Report, ReportedAnswer } from '../../../src/report/types';
import { testDrawing } from '../../where';

const HOSTILE =
  '</script><script>alert(1)</script><img src=x onerror="alert(1)"> \u2028 <!-- & \'"';
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'report-'));
test.after(() => fs.rmSync(folder, { recursive: true }));

function answerOf(text: string, i = 0): ReportedAnswer {
  return {
    ...{
      key: `key ${i}`,
      prompt: text,
      values: ['without', text],
      response: { text, marks: [[0, 2]] },
    },
    ...{ ok: i % 2 === 0, evidence: text, perplexity: null, tokens: i },
  };
}

function reportOf(rows: ReportedAnswer[], said = 'plain'): Report {
  const cell = { prompts: said, steering: said, steered: true, share: 0.5 };
  const cells = [{ cells: [said, 0.5], section: said }];
  return {
    ...{ title: said, summary: said },
    sections: [
      {
        ...{ title: said, text: [said] },
        tables: [{ title: said, table: { columns: [{ name: said }, { name: 'n' }], rows: cells } }],
        figures: [{ id: 'cells', title: said, caption: said, spec: cellsChart([cell]) }],
      },
    ],
    answers: { filters: ['cell', 'steering'], rows },
    runs: [
      { name: said, folder: said, command: said, settings: { [said]: said }, notices: [said] },
    ],
  };
}

const dataIn = (html: string) =>
  unpackAnswers(
    JSON.parse(
      /<script type="application\/json" id="answers-data">(.*?)<\/script>/s.exec(html)![1],
    ),
  );

testDrawing('a page, an SVG and a PNG; the page asks for nothing else', async () => {
  const written = await writeReport(reportOf([answerOf('Tea.')]), path.join(folder, 'new/one'));
  assert.equal(
    written.figures.map((file) => path.relative(folder, file)),
    ['new/one/figures/cells.svg', 'new/one/figures/cells.png'],
  );
  const [svg, png] = written.figures.map((file) => fs.readFileSync(file));
  assert.equal([...png.subarray(1, 4)], [...Buffer.from('PNG')]);
  // Twice as many pixels as the SVG has points.
  const width = Number(/ width="(\d+)"/.exec(svg.toString())![1]);
  assert.is(png.readUInt32BE(16), 2 * width);
  const html = fs.readFileSync(written.page, 'utf8');
  const links = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, to]) => to);
  assert.equal(
    links.filter((to) => !to.startsWith('#')),
    ['figures/cells.svg', 'figures/cells.png'],
  );
  // All colours of the picture in the page follow its theme.
  const embedded = /<figure>.*?<\/figure>/s.exec(html)![0];
  assert.match(embedded, 'fill="var(--chart-series-1)"');
  assert.not.match(embedded, /(fill|stroke)="#/);
});

test('headings in order, a name for each landmark, a caption for each table', async () => {
  const { page } = await writeReport(reportOf([answerOf('Tea.')]), path.join(folder, 'headings'));
  const html = fs.readFileSync(page, 'utf8');
  const levels = [...html.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
  assert.is(levels[0], 1);
  levels.slice(1).forEach((level, i) => {
    assert.ok(level >= 2 && level <= levels[i] + 1);
  });
  const count = (what: RegExp) => [...html.matchAll(what)].length;
  assert.is(count(/<table>/g), count(/<caption>/g));
  for (const [, id] of html.matchAll(/aria-labelledby="([^"]+)"/g)) {
    for (const one of id.split(' ')) assert.is(count(new RegExp(`id="${one}"`, 'g')), 1, one);
  }
});

testDrawing('nothing in a text becomes part of the page', async () => {
  const report = reportOf([answerOf(HOSTILE)], HOSTILE);
  const { page, figures } = await writeReport(report, path.join(folder, 'hostile'));
  const html = fs.readFileSync(page, 'utf8');
  assert.not.match(html, '<script>alert');
  assert.not.match(html, '<img');
  assert.is([...html.matchAll(/<script/g)].length, 2);
  assert.equal(dataIn(html).rows, [answerOf(HOSTILE)]);
  assert.not.match(fs.readFileSync(figures[0], 'utf8'), /<script|<img/);
  // The only script that may run is the page's own.
  const [, code] = /<script type="module">(.*?)<\/script>/s.exec(html)!;
  const hash = createHash('sha256').update(code).digest('base64');
  assert.match(html, `script-src 'sha256-${hash}'`);
});

test('10,000 answers: each text once, and the same ones again', async () => {
  const rows = Array.from({ length: 10_000 }, (_, i) => {
    const row = answerOf(`Answer ${i % 2500}: ${'a sentence of it. '.repeat(20)}`, i);
    return i % 4 ? { ...row, unsteered: i - (i % 4) } : row;
  });
  const { page } = await writeReport(reportOf(rows), path.join(folder, 'many'));
  const html = fs.readFileSync(page, 'utf8');
  assert.ok(html.length < 3e6, `${html.length} characters`);
  assert.equal(dataIn(html).rows, rows);
});

test('without the packages that draw: a sentence, and a report with its tables and answers', async () => {
  const gone = () => import('no-such-package' as string);
  const packages = { ...PACKAGES, vega: gone as typeof PACKAGES.vega };
  const written = await writeReport(reportOf([answerOf('Tea.')]), path.join(folder, 'bare'), () =>
    load(packages),
  );
  assert.match(written.missing!, /vega/);
  assert.match(written.missing!, 'npm install');
  assert.equal(written.figures, []);
  assert.not.ok(fs.existsSync(path.join(folder, 'bare/figures')));
  const html = fs.readFileSync(written.page, 'utf8');
  assert.match(html, written.missing!);
  assert.match(html, '<table>');
  assert.not.match(html, '<svg');
  assert.is(dataIn(html).rows.length, 1);
});

test('a package that is there but broken is no missing package', async () => {
  const broken = () => Promise.reject(new Error('boom'));
  try {
    await load({ ...PACKAGES, vega: broken });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, 'boom');
  }
});

test.run();
