import { createHash } from 'node:crypto';
import { escapeXml as text } from '../draw/picture';
import type { Picture, Pictures } from '../figures';
import { packAnswers } from '../packedAnswers';
import type { AnswerTable, Figure, Report, ReportedRun, Section } from '../types';
import { embedSvg } from './embed';
import { STYLE } from './style';
import { tableHtml } from './tables';

/** Tables of no more rows are open beneath a picture. */
const SHORT = 20;

/**
 * The report as one file of HTML that asks for nothing else; the pictures' files are linked.
 * @param script of the page, see `pageScript`
 */
export function renderReport(
  report: Report,
  { pictures, missing }: Pictures,
  script: string,
): string {
  const code = script.replaceAll('</script', '<\\/script');
  const sections = report.sections.map((section, i) =>
    sectionHtml(section, `section-${i + 1}`, pictures),
  );
  const notices = [...(missing ? [missing] : []), ...report.runs.flatMap(noticesOf(report.runs))];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy(code)}">
<title>${text(report.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>${text(report.title)}</h1>
<p>${text(report.summary)}</p>
${noticesHtml(notices)}
${contentsHtml(report)}
</header>
<main id="main" tabindex="-1">
${sections.join('\n')}
${report.answers ? answersHtml(report.answers) : ''}
<section aria-labelledby="settings"><h2 id="settings">Settings</h2>
${report.runs.map(runHtml).join('\n')}
</section>
</main>
<footer>Written by Tiller.</footer>
<script type="module">${code}</script>
</body>
</html>
`;
}

/** Links to all sections; those of one part in a line of their own. */
function contentsHtml({ sections, answers }: Report): string {
  const links = [
    ...sections.map(({ part, title }, i) => ({ part, title, id: `section-${i + 1}` })),
    ...(answers ? [{ part: undefined, title: 'Answers', id: 'answers' }] : []),
    { part: undefined, title: 'Settings', id: 'settings' },
  ];
  const lines = links.map(({ part, title, id }, i) => {
    const begins = i > 0 && part !== links[i - 1].part ? '</ul><ul>' : '';
    const name = part && part !== links[i - 1]?.part ? `<b>${text(part)}</b> ` : '';
    return `${begins}<li>${name}<a href="#${id}">${text(title)}</a></li>`;
  });
  return `<nav class="contents" aria-label="Contents"><ul>${lines.join('')}</ul></nav>`;
}

/** Nothing is fetched, and no script runs but ours, whatever stands in an answer. */
function policy(code: string): string {
  const hash = createHash('sha256').update(code).digest('base64');
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
}

/** Of several runs, each notice says which it is about. */
const noticesOf = (runs: ReportedRun[]) => (run: ReportedRun) =>
  run.notices.map((notice) => (runs.length > 1 ? `${run.name}: ${notice}` : notice));

function noticesHtml(notices: string[]): string {
  if (!notices.length) return '';
  const items = notices.map((notice) => `<li>${text(notice)}</li>`);
  return `<aside class="notices" aria-label="Notices"><ul>${items.join('')}</ul></aside>`;
}

function sectionHtml(section: Section, id: string, pictures: Map<string, Picture>): string {
  const drawn = (section.figures ?? []).flatMap((figure) => {
    const picture = pictures.get(figure.id);
    return picture ? [figureHtml(figure, picture)] : [];
  });
  const tables = (section.tables ?? []).map(({ title, table }) => {
    const html = tableHtml(table, title ?? section.title);
    if (!drawn.length) return html;
    const open = table.rows.length <= SHORT ? ' open' : '';
    return `<details${open}><summary>${text(title ?? 'The numbers')}</summary>${html}</details>`;
  });
  const paragraphs = (section.text ?? []).map((paragraph) => `<p>${text(paragraph)}</p>`);
  const name = [section.part, section.title].filter(Boolean).join(': ');
  // One picture and its open table stand side by side where there is room.
  const isOpen = section.tables?.length === 1 && section.tables[0].table.rows.length <= SHORT;
  const beside = drawn.length === 1 && isOpen ? ' class="beside"' : '';
  return [
    `<section aria-labelledby="${id}"><h2 id="${id}">${text(name)}</h2>`,
    ...paragraphs,
    `<div${beside}>`,
    drawn.length ? `<div class="figures">${drawn.join('\n')}</div>` : '',
    ...tables,
    '</div></section>',
  ].join('\n');
}

function figureHtml({ id, caption }: Figure, { svg, svgPath, pngPath }: Picture): string {
  return (
    `<figure><div>${embedSvg(svg, id)}</div><figcaption>${text(caption)} ` +
    `<a href="${text(svgPath)}">SVG</a> <a href="${text(pngPath)}">PNG</a></figcaption></figure>`
  );
}

function answersHtml(answers: AnswerTable): string {
  const n = new Intl.NumberFormat('en').format(answers.rows.length);
  return `<section aria-labelledby="answers"><h2 id="answers">Answers</h2>
<p class="print">${n} answers are in the page itself; they are not printed.</p>
<noscript><p>${n} answers are in this page, but it takes JavaScript to show them. They also stand, one a
line, in the files of the run.</p></noscript>
<div id="answers-table"></div>
<script type="application/json" id="answers-data">${jsonInHtml(packAnswers(answers))}</script>
</section>`;
}

/** JSON that can end no script and no line of one: `<`, U+2028 and U+2029 are escaped. */
function jsonInHtml(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function runHtml({ name, folder, command, settings }: ReportedRun): string {
  const table = {
    columns: [
      { name: 'key', label: true },
      { name: 'value', label: true },
    ],
    rows: Object.entries(settings).map(([key, value]) => ({ cells: [key, said(value)] })),
  };
  return `<h3>${text(name)}</h3>
<p>In <code>${text(folder)}</code>. The same run again:</p>
<pre class="command"><code>${text(command)}</code></pre>
<details class="settings"><summary>All settings</summary>${tableHtml(table, `Settings of ${name}`)}</details>`;
}

/** Lists and objects as JSON, the rest as it is. */
const said = (value: unknown) =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
