/** What becomes of answers as they are made, in each of the forms that `generate` knows. */
import type { LanguageModel } from '../../language/languageModel';
import { Progress } from '../../util/progress';
import type { Answer, Listener, Request } from './answers';
import { sideBySide, terminalWidth } from './columns';
import type { Output } from './output';
import { answerJson, traceTable } from './print';
import type { Settings } from './settings';

export interface Writer extends Listener {
  /** Called when all answers are there. */
  end(): void;
}

/** One answer, shown word by word. */
export function streamWriter(lm: LanguageModel, output: Output): Writer {
  const stream = lm.tokenizer.stream();
  return {
    onToken: (_, token) => output.write(stream.push(token)),
    onAnswer(_, { trace }) {
      const table = trace && `\n${traceTable(lm, trace.tokens, terminalWidth())}\n`;
      output.write(`${stream.end()}\n${table ?? ''}`);
    },
    end() {},
  };
}

/** A line of JSON for each answer, as it is finished. */
export function jsonlWriter(lm: LanguageModel, output: Output): Writer {
  return {
    onAnswer: (_, answer) => output.write(`${JSON.stringify(answerJson(lm, answer))}\n`),
    end() {},
  };
}

/** One JSON object with all answers, in the order of their prompts. */
export function jsonWriter(lm: LanguageModel, output: Output, about: object): Writer {
  const answers: Answer[] = [];
  return {
    onAnswer: (i, answer) => {
      answers[i] = answer;
    },
    end() {
      const all = { ...about, answers: answers.map((answer) => answerJson(lm, answer)) };
      output.writeWhole(`${JSON.stringify(all)}\n`);
    },
  };
}

/**
 * Text for people, in the order of the prompts: each as soon as those before it are there.
 * @param steering what the edits are called above a steered answer
 */
export function textWriter(
  lm: LanguageModel,
  requests: Request[],
  { compare, output, steering }: Pick<Settings, 'compare'> & { output: Output; steering: string },
): Writer {
  const together = compare ? 2 : 1;
  const answers: Answer[] = [];
  const several = requests.length > together;
  let next = 0;
  const blockOf = (some: Answer[]) => {
    const width = terminalWidth();
    const text = compare
      ? sideBySide(
          { title: 'unsteered', text: some[0].text },
          { title: steering, text: some[1].text },
          width,
        )
      : some[0].text;
    const { trace } = some.at(-1)!;
    const parts = [
      ...(several ? [`${headOf(some[0], requests)}\n${text}`] : [text]),
      ...(trace ? [traceTable(lm, trace.tokens, width)] : []),
    ];
    return parts.join('\n\n');
  };
  return {
    onAnswer(i, answer) {
      answers[i] = answer;
      while (next < requests.length) {
        const some = Array.from({ length: together }, (_, k) => answers[next + k]);
        if (some.includes(undefined as never)) return;
        output.write(`${next ? '\n' : ''}${blockOf(some)}\n`);
        next += together;
      }
    },
    end() {},
  };
}

/** `[3/12, seed 1] How do I grow tomatoes?` */
function headOf({ prompt, index, seed }: Answer, requests: Request[]): string {
  const said = typeof prompt === 'string' ? prompt : (prompt.at(-1)?.content ?? '');
  const line = said.replace(/\s+/g, ' ').trim();
  const prompts = requests.at(-1)!.index + 1;
  const sampled = requests.some(({ sample }) => sample > 0) ? `, seed ${seed}` : '';
  const short = [...line].length > 60 ? `${[...line].slice(0, 59).join('')}…` : line;
  return `[${index + 1}/${prompts}${sampled}] ${short}`;
}

/** The same, with a bar on standard error. */
export function withProgress(writer: Writer, total: number): Writer {
  const progress = new Progress('answers', total);
  return {
    ...writer,
    onAnswer(i, answer) {
      writer.onAnswer(i, answer);
      progress.add(1);
    },
    end() {
      progress.end();
      writer.end();
    },
  };
}
