/** What a search found, for people and as JSON. */
import { TILLER } from '../../util/invocation';
import { fixed, percent, showTable, wrap } from '../../util/table';
import type { Score, Tried } from '../../vectors/search';
import type { Judge } from './searchJudge';

export interface Found {
  file: string;
  name: string;
  model: string;
  /** How many prompts were asked. */
  rows: number;
  judge: Judge;
  maxRatio: number;
  /** Where all answers are. */
  record: string;
  unsteered: Score;
  tried: Tried[];
  chosen: Tried | undefined;
}

export function foundJson({ tried, chosen, judge, maxRatio, ...rest }: Found) {
  const flat = ({ candidate, ...score }: Tried) => ({ ...candidate, ...score });
  return {
    ...rest,
    judge: judge.name,
    max_perplexity_ratio: maxRatio,
    chosen: chosen ? flat(chosen) : null,
    tried: tried.map(flat),
  };
}

/** The curve, the choice, and what to do with it. */
export function foundText(found: Found): string {
  const { chosen, unsteered, tried, judge, maxRatio, rows, record } = found;
  const columns = ['', 'positions', 'layer', 'weight', 'obeyed', 'ppl', 'ratio', 'degenerate'];
  const labels = ['positions', 'layer', 'weight'];
  const none = ['', 'unsteered', null, null, ...figures(unsteered), '1.00'];
  const cells = [
    [...none, percent(unsteered.degenerate)],
    ...tried.map((one) => {
      const { positions, layer, weight } = one.candidate;
      const mark = one === chosen ? '→' : one.passes ? '' : '✗';
      return [
        ...[mark, positions, String(layer), String(weight), ...figures(one)],
        ...[fixed(one.ratio), percent(one.degenerate)],
      ];
    }),
  ];
  const table = showTable({
    columns: columns.map((name) => ({ name, label: labels.includes(name) })),
    rows: cells.map((row) => ({ cells: row })),
  });
  const by = judge.name === 'self' ? 'the model itself' : judge.name;
  const notes =
    `${rows} prompts; perplexity by ${by} (${judge.why}). ✗: not below ${maxRatio} times the unsteered ` +
    `perplexity, or more degenerate answers. All answers: ${record}`;
  return `${table}\n\n${wrap(notes).join('\n')}\n\n${verdict(found)}`;
}

const figures = ({ obeyed, perplexity }: Score) => [percent(obeyed), fixed(perplexity)];

function verdict({ file, name, model, tried, chosen, unsteered, maxRatio }: Found): string {
  if (chosen) {
    const { layer, weight, positions } = chosen.candidate;
    return (
      `Written into ${file}: "${name}" at layer ${layer}, weight ${weight}, positions ${positions}.\n` +
      `Next: ${TILLER} generate ${model} "..." --steer ${file}:${name} --compare`
    );
  }
  const passing = tried.filter(({ passes }) => passes);
  const most = (some: Tried[]) => [...some].sort((a, b) => b.obeyed - a.obeyed)[0];
  const best = most(passing.length ? passing : tried);
  const { layer, weight, positions } = best.candidate;
  const what = `layer ${layer}, weight ${weight}, positions ${positions}: ${percent(best.obeyed)} obeyed`;
  const why = passing.length
    ? `Of the settings that are good enough, none obeys more often than no steering (${percent(unsteered.obeyed)})`
    : `No setting keeps its answers below ${maxRatio} times the unsteered perplexity`;
  return (
    `${why}; nothing was written.\nThe best was ${what}, ${fixed(best.ratio) ?? 'no'} times the perplexity. ` +
    'Try other --weights, --positions or --layers.'
  );
}
