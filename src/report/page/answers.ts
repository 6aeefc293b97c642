/** The table of answers: its controls, a page of it, and its view in the address. */
import type { AnswerTable, MarkedText, ReportedAnswer } from '../types';
import { choice, element } from './elements';
import {
  FRAGMENT,
  fromFragment,
  rowsOf,
  SORTS,
  toFragment,
  VERDICTS,
  type View,
  valuesOf,
} from './view';

const PER_PAGE = 25;
const count = new Intl.NumberFormat('en');

export function showAnswers(table: AnswerTable, place: HTMLElement): void {
  let view = fromFragment(table, location.hash);
  const values = valuesOf(table);
  const change = (part: Partial<View>) => {
    view = { ...view, page: 1, ...part };
    history.replaceState(null, '', toFragment(table, view));
    show();
  };

  const filters = table.filters.map((name, i) =>
    choice(
      name,
      [['', 'all'], ...values[i].map((one) => [one, one] as [string, string])],
      (value) => change({ values: view.values.map((old, at) => (at === i ? value : old)) }),
    ),
  );
  const verdict = choice(
    'verdict',
    VERDICTS.map((one) => [one, one]),
    (value) => change({ verdict: value as View['verdict'] }),
  );
  const sort = choice('order', Object.entries(SORTS), (value) =>
    change({ sort: value as View['sort'] }),
  );
  const find = element('input', { type: 'search', placeholder: 'in prompts, answers, evidence' });
  find.addEventListener('input', () => change({ find: find.value }));
  const status = element('p', { role: 'status' });
  const list = element('ol', { class: 'answers' });
  const pages = element('nav', { 'aria-label': 'Pages of answers', class: 'pages' });
  const controls = element(
    'div',
    { class: 'controls', role: 'search', 'aria-label': 'Answers' },
    ...filters.map(({ field }) => field),
    verdict.field,
    sort.field,
    element('label', {}, 'find ', find),
  );
  place.replaceChildren(controls, status, list, pages);

  function show() {
    filters.forEach(({ select }, i) => {
      select.value = view.values[i];
    });
    verdict.select.value = view.verdict;
    sort.select.value = view.sort;
    if (find.value !== view.find) find.value = view.find;
    const rows = rowsOf(table, view);
    const last = Math.max(1, Math.ceil(rows.length / PER_PAGE));
    const page = Math.min(view.page, last);
    const start = (page - 1) * PER_PAGE;
    const some = rows.slice(start, start + PER_PAGE);
    const range = last > 1 ? `, of which ${start + 1} to ${start + some.length}` : '';
    status.textContent = `${count.format(rows.length)} of ${count.format(table.rows.length)} answers${range}`;
    list.start = start + 1;
    list.replaceChildren(...some.map((row) => answerItem(row, table)));
    const turn = (name: string, to: number) => {
      const button = element('button', { type: 'button' }, name);
      button.disabled = to < 1 || to > last;
      button.addEventListener('click', () => {
        change({ page: to });
        place.scrollIntoView();
        // The button that was pressed is gone: whoever uses the keyboard goes on at the answers.
        status.tabIndex = -1;
        status.focus({ preventScroll: true });
      });
      return button;
    };
    pages.hidden = last === 1;
    pages.replaceChildren(
      turn('Previous', page - 1),
      element('span', {}, `Page ${page} of ${last}`),
      turn('Next', page + 1),
    );
  }

  window.addEventListener('hashchange', () => {
    if (!location.hash.startsWith(FRAGMENT)) return;
    view = fromFragment(table, location.hash);
    show();
  });
  show();
  if (location.hash.startsWith(FRAGMENT)) place.scrollIntoView();
}

function answerItem(row: ReportedAnswer, { filters, rows }: AnswerTable): HTMLElement {
  const tags = row.values.flatMap((value, i) =>
    value ? [element('span', { class: 'tag' }, element('i', {}, `${filters[i]} `), value)] : [],
  );
  const unsteered = row.unsteered === undefined ? undefined : rows[row.unsteered];
  return element(
    'li',
    {},
    element('p', { class: 'tags' }, ...tags),
    element('p', { class: 'prompt' }, row.prompt),
    element(
      'div',
      { class: 'sides' },
      ...(unsteered ? [side('unsteered', unsteered), side('steered', row)] : [side('answer', row)]),
    ),
  );
}

function side(name: string, row: ReportedAnswer): HTMLElement {
  const verdict = row.ok ? '✓ followed' : '✗ not followed';
  const numbers = [
    `${row.tokens} tokens`,
    ...(typeof row.perplexity === 'number' ? [`perplexity ${row.perplexity.toFixed(2)}`] : []),
  ];
  const facts = element(
    'p',
    { class: 'facts' },
    element('b', {}, name),
    ' ',
    element('span', { class: row.ok ? 'ok' : 'failed' }, verdict),
    ` · ${numbers.join(' · ')}`,
  );
  const evidence = row.evidence ? [element('p', { class: 'evidence' }, row.evidence)] : [];
  return element('div', {}, facts, response(row.response), ...evidence);
}

function response({ text, marks }: MarkedText): HTMLElement {
  const place = element('p', { class: 'response', dir: 'auto' });
  if (!text) place.append(element('i', {}, 'nothing'));
  let at = 0;
  for (const [start, end] of marks) {
    place.append(text.slice(at, start), element('mark', {}, text.slice(start, end)));
    at = end;
  }
  place.append(text.slice(at));
  return place;
}
