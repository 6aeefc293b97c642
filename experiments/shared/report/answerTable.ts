/** All answers of a run, each with the unsteered one to the same prompt. */
import type { AnswerTable, ReportedAnswer } from '../../../src/report/types';
import type { ScoredRow } from '../answers/cells';
import type { Results } from '../answers/readRun';
import type { Described } from './described';

type Asked = ScoredRow & { prompt: string; steering: string };

/** @param label of the run, where several are in one report */
export function answerTable(
  { rows, judged }: Pick<Results<ScoredRow>, 'rows' | 'judged'>,
  described: Described,
): AnswerTable {
  const own = rows as Asked[];
  const said = own.map((row) => ({ ...described.rowOf(row), ...described.cellOf(row) }));
  const placeOf = (i: number) => JSON.stringify([said[i].key, own[i].prompt]);
  const unsteered = new Map(
    own.flatMap(({ steering }, i) => (steering === 'none' ? [[placeOf(i), i] as const] : [])),
  );
  const answers = own.map((row, i): ReportedAnswer => {
    const { key, prompts, how, values, evidence, marks } = said[i];
    const base = row.steering === 'none' ? undefined : unsteered.get(placeOf(i));
    return {
      key,
      prompt: row.prompt,
      values: [prompts, how, ...values],
      response: { text: row.response, marks },
      ok: row.ok,
      evidence,
      perplexity: judged.perplexities?.get(row.id) ?? null,
      tokens: row.tokens,
      ...(base !== undefined && { unsteered: base }),
    };
  });
  return { filters: ['prompts', 'steering', ...described.filters], rows: answers };
}

/** The answers of several runs in one table, told apart by the filter `run`. */
export function joinAnswers(tables: { label: string; table: AnswerTable }[]): AnswerTable {
  if (tables.length === 1) return tables[0].table;
  const filters = [...new Set(tables.flatMap(({ table }) => table.filters))];
  const rows: ReportedAnswer[] = [];
  for (const { label, table } of tables) {
    const first = rows.length;
    for (const { values, unsteered, ...row } of table.rows) {
      const filterValue = (name: string) => values[table.filters.indexOf(name)] ?? '–';
      rows.push({
        ...row,
        key: `${label} ${row.key}`,
        values: [label, ...filters.map(filterValue)],
        ...(unsteered !== undefined && { unsteered: first + unsteered }),
      });
    }
  }
  return { filters: ['run', ...filters], rows };
}
