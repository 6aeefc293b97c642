/** Which answers are shown, in which order: pure, and what the address says of it. */
import type { AnswerTable, ReportedAnswer } from '../types';

export const VERDICTS = ['all', 'followed', 'not followed'] as const;
export const SORTS = {
  run: 'as the run has them',
  'perplexity-up': 'perplexity, lowest first',
  'perplexity-down': 'perplexity, highest first',
  'length-up': 'length, shortest first',
  'length-down': 'length, longest first',
} as const;

export interface View {
  /** A value for each filter; '' lets all pass. */
  values: string[];
  verdict: (typeof VERDICTS)[number];
  /** Part of the prompt, the answer or the evidence, in any case. */
  find: string;
  sort: keyof typeof SORTS;
  /** From 1. */
  page: number;
}

/** How the fragment begins that is about answers. */
export const FRAGMENT = '#answers?';

export const firstView = ({ filters }: AnswerTable): View => ({
  values: filters.map(() => ''),
  verdict: 'all',
  find: '',
  sort: 'run',
  page: 1,
});

/** What differs from the first view. */
export function toFragment({ filters }: AnswerTable, view: View): string {
  const said = new URLSearchParams();
  view.values.forEach((value, i) => {
    if (value) said.set(`by-${filters[i]}`, value);
  });
  if (view.verdict !== 'all') said.set('verdict', view.verdict);
  if (view.find) said.set('find', view.find);
  if (view.sort !== 'run') said.set('sort', view.sort);
  if (view.page > 1) said.set('page', String(view.page));
  return FRAGMENT + said;
}

/** What it doesn't say, or says of another report, stays as in the first view. */
export function fromFragment(table: AnswerTable, fragment: string): View {
  const first = firstView(table);
  if (!fragment.startsWith(FRAGMENT)) return first;
  const said = new URLSearchParams(fragment.slice(FRAGMENT.length));
  const verdict = VERDICTS.find((one) => one === said.get('verdict'));
  const sort = (Object.keys(SORTS) as View['sort'][]).find((one) => one === said.get('sort'));
  const known = valuesOf(table);
  return {
    values: table.filters.map((name, i) => {
      const value = said.get(`by-${name}`) ?? '';
      return known[i].includes(value) ? value : '';
    }),
    verdict: verdict ?? first.verdict,
    find: said.get('find') ?? '',
    sort: sort ?? first.sort,
    page: Math.max(1, Math.floor(Number(said.get('page'))) || 1),
  };
}

/** The values of each filter, as they first come; numbers in their order. */
export function valuesOf({ filters, rows }: AnswerTable): string[][] {
  return filters.map((_, i) => {
    const found = [...new Set(rows.map(({ values }) => values[i]))];
    const numeric = found.every((value) => value !== '' && Number.isFinite(Number(value)));
    return numeric ? found.sort((a, b) => Number(a) - Number(b)) : found;
  });
}

/** The rows of a view, all its pages. */
export function rowsOf({ rows }: AnswerTable, view: View): ReportedAnswer[] {
  const wanted = view.find.trim().toLowerCase();
  const holds = (text: string) => text.toLowerCase().includes(wanted);
  const shown = rows.filter(
    (row) =>
      view.values.every((value, i) => !value || row.values[i] === value) &&
      (view.verdict === 'all' || row.ok === (view.verdict === 'followed')) &&
      (!wanted || holds(row.response.text) || holds(row.prompt) || holds(row.evidence)),
  );
  if (view.sort === 'run') return shown;
  const [by, way] = view.sort.split('-');
  const sign = way === 'up' ? 1 : -1;
  const of = (row: ReportedAnswer) => (by === 'length' ? row.tokens : row.perplexity);
  // Answers without a perplexity come last, either way.
  const key = (row: ReportedAnswer) => {
    const value = of(row);
    return value === null || value === undefined ? Infinity : sign * value;
  };
  return shown.sort((a, b) => (key(a) === key(b) ? 0 : key(a) - key(b)));
}
