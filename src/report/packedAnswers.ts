/** The answers as the page carries them: no text twice, no field's name ten thousand times. */
import type { AnswerTable, MarkedText, ReportedAnswer } from './types';

export interface PackedAnswers {
  filters: string[];
  /** Every text that occurs: prompts, responses, values, evidence. */
  texts: string[];
  rows: PackedRow[];
}

/** Texts by their place in `texts`. */
type PackedRow = [
  key: number,
  prompt: number,
  values: number[],
  response: number,
  marks: MarkedText['marks'],
  ok: 0 | 1,
  evidence: number,
  perplexity: number | null,
  tokens: number,
  unsteered: number | null,
];

export function packAnswers({ filters, rows }: AnswerTable): PackedAnswers {
  const places = new Map<string, number>();
  const place = (text: string) => {
    const known = places.get(text) ?? places.size;
    places.set(text, known);
    return known;
  };
  const packed = rows.map((row): PackedRow => {
    const { response, perplexity } = row;
    return [
      place(row.key),
      place(row.prompt),
      row.values.map(place),
      place(response.text),
      response.marks,
      row.ok ? 1 : 0,
      place(row.evidence),
      // JSON has no other number that is none.
      Number.isFinite(perplexity) ? perplexity! : null,
      row.tokens,
      row.unsteered ?? null,
    ];
  });
  return { filters, texts: [...places.keys()], rows: packed };
}

/** The table again; a perplexity that was left out is null. */
export function unpackAnswers({ filters, texts, rows }: PackedAnswers): AnswerTable {
  return {
    filters,
    rows: rows.map((row): ReportedAnswer => {
      const [key, prompt, values, response, marks, ok, evidence, perplexity, tokens, unsteered] =
        row;
      return {
        key: texts[key],
        prompt: texts[prompt],
        values: values.map((value) => texts[value]),
        response: { text: texts[response], marks },
        ok: ok === 1,
        evidence: texts[evidence],
        ...{ perplexity, tokens },
        ...(unsteered === null ? {} : { unsteered }),
      };
    }),
  };
}
