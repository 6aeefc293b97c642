/** What reports say, against rows and cells made by hand. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { computeCells, type LengthRow } from '../../../../experiments/length/parts/cells';
import { describeLength } from '../../../../experiments/length/parts/figures';
import type { Results } from '../../../../experiments/shared/answers/readRun';
import { reportOn } from '../../../../experiments/shared/report/build';
import type { Describe } from '../../../../experiments/shared/report/described';
import { labelsOf } from '../../../../experiments/shared/report/labels';
import { sameRunCommand } from '../../../../experiments/shared/report/sameRun';

const HOSTILE = '</script><img src=x onerror=alert(1)> "quoted" & \u2028';

/** At layer 1 all obey by saying nothing; at layer 2 half do. */
const rows: LengthRow[] = [null, 1, 2].flatMap((layer) =>
  Array.from({ length: 4 }, (_, i): LengthRow => {
    const response = layer === 1 ? '' : i % 2 ? ' One. Two.' : `One: ${HOSTILE}`;
    return {
      ...{ id: `${layer} ${i}`, key: `q${i}`, prompt: `${HOSTILE} ${i}?`, n_sent: 1 },
      ...{ instructed: false, steering: layer === null ? 'none' : 'add_vector_conciseness' },
      ...{
        weight: layer === null ? null : 1,
        weight_unit: layer === null ? null : 'mean difference',
      },
      ...{ layer, response, tokens: 5, stopped: 'stop' as const, sentences: i % 2 ? 2 : 1 },
      ok: layer === 1 || (layer === 2 && i < 2),
    };
  }),
);

const run = (folder: string, config: object = {}): Results<LengthRow> => ({
  ...{ folder, unfinished: true, rows, judged: {} },
  config: { model_name: 'tiny-gemma2', constraint_type: 'at_most', planned_rows: 20, ...config },
});
const described = (one: Results<LengthRow>) => ({
  run: one as never,
  described: (describeLength as Describe<LengthRow>)(one) as never,
});

/** All data of a spec, wherever it stands. */
function valuesIn(spec: unknown): Record<string, unknown>[] {
  if (Array.isArray(spec)) return spec.flatMap(valuesIn);
  if (typeof spec !== 'object' || spec === null) return [];
  const { values } = ((spec as { data?: object }).data ?? {}) as { values?: [] };
  return [...(values ?? []), ...Object.values(spec).flatMap(valuesIn)];
}
const figure = (report: ReturnType<typeof reportOn>, id: string) =>
  report.sections.flatMap(({ figures = [] }) => figures).find((one) => one.id === id)!;

test('figures have the numbers of the cells, and a layer of empty answers is never the best', () => {
  const report = reportOn([described(run('runs/length/tiny-gemma2/default'))]);
  const shares = valuesIn(figure(report, 'cells').spec).map(({ share }) => share);
  assert.equal(
    shares,
    computeCells(rows).map(({ accuracy }) => accuracy),
  );
  const layers = valuesIn(figure(report, 'layers').spec).filter(({ kind }) => kind);
  assert.equal(
    layers.map(({ layer, share, kind }) => [layer, share, kind]),
    [
      [1, 1, 'degenerate'],
      [2, 0.5, 'selected'],
    ],
  );
  assert.match(report.runs[0].notices[0], 'Unfinished: 12 of 20 answers');
  assert.match(report.runs[0].notices[1], 'no perplexities');
});

test('each answer stands beside the unsteered one to its prompt, its sentences marked, its text whole', () => {
  const { answers } = reportOn([described(run('a/default'))]);
  answers!.rows.forEach((row, i) => {
    assert.is(row.prompt, rows[i].prompt);
    assert.is(row.response.text, rows[i].response);
    assert.is(row.unsteered, i < 4 ? undefined : i % 4);
    if (row.unsteered !== undefined) assert.is(answers!.rows[row.unsteered].prompt, row.prompt);
  });
  const { text, marks } = answers!.rows[1].response;
  assert.equal(
    marks.map(([start, end]) => text.slice(start, end) + start),
    ['.4', '.9'],
  );
  assert.is(answers!.rows[1].evidence, '2 sentences, at most 1 wanted');
});

test('several runs stand side by side, told apart by what differs, each figure once', () => {
  const models = ['tiny-gemma2', 'tiny-gpt2'].map((name) =>
    run(`runs/length/${name}/default`, { model_name: name }),
  );
  const report = reportOn(models.map(described));
  const ids = report.sections.flatMap(({ figures = [] }) => figures.map(({ id }) => id));
  assert.is(new Set(ids).size, ids.length);
  const bars = valuesIn(figure(report, 'side-by-side').spec);
  assert.equal([...new Set(bars.map(({ series }) => series))], ['tiny-gemma2', 'tiny-gpt2']);
  assert.is(report.answers!.rows.length, 24);
  assert.is(report.answers!.rows[16].unsteered, 12);
  const at = (seed: number) => ({ folder: `r/${seed}`, config: { model_name: 'm', seed } });
  assert.equal(labelsOf([at(1), at(2)]), ['seed=1', 'seed=2']);
  const kind = (name: string, n: number) => ({
    folder: `r/${name}`,
    config: { model_name: 'm', specific_instruction: name, n_examples: n },
  });
  assert.equal(labelsOf([kind('a', 1), kind('b', 2)]), ['a', 'b']);
  assert.equal(labelsOf([kind('a', 1), kind('a', 2)]), ['n_examples=1', 'n_examples=2']);
});

test('the command of a run has what is not usual for its model, quoted for a shell', () => {
  const usual = { name: 'a', model_name: 'tiny-gemma2', output_path: 'runs', n_examples: 10 };
  const of = (folder: string, more: object) =>
    sameRunCommand('length/evaluate', folder, { ...usual, ...more });
  assert.is(
    of('runs/length/tiny-gemma2/default', {}),
    'npx ts-node experiments/length/evaluate.ts',
  );
  const changed = of('runs/length/phi-3/abc', { model_name: 'phi-3', steering_weights: [1, '2x'] });
  assert.match(changed, / model_name=phi-3 /);
  assert.match(changed, ` 'steering_weights=[1,"2x"]'`);
  assert.match(changed, ' name=abc');
});

test.run();
