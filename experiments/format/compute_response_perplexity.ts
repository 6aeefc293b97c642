// npx ts-node experiments/format/compute_response_perplexity.ts
import '../shared/command/help';
import { flag, nameText, nullable } from '../../src/runs/config';
import { formatTable, percent } from '../../src/util/table';
import { findJudge, judgeFolder, judgeResponses, perplexitySchema } from '../shared/answers/judge';
import { defineScript } from '../shared/command/script';
import { groupBy } from '../shared/groupBy';
import { endWithReport } from '../shared/report/finish';
import { openBackend, sessionSchema } from '../shared/session';
import { describeLayerSearch } from './parts/figures';
import { findSearchRun, foreseeSearch, needsNoSearch, searchSchema } from './parts/search';

const schema = {
  ...searchSchema,
  ...perplexitySchema,
  name: nullable(nameText()),
  backend: sessionSchema.backend,
  device: sessionSchema.device,
  dry_run: flag(),
};

export const script = defineScript(__filename, schema, async (config, context) => {
  const { made, wrote, plans } = context;
  if (needsNoSearch(config)) return;
  const judge = findJudge(config);
  if (!judge) {
    return console.log('perplexity_model=null: there is no judge, and nothing to do.');
  }
  const source = { key: 'name', chosen: config.name, made } as const;
  if (config.dry_run) {
    const { folder } = foreseeSearch(config, source);
    console.log(`${judge.name} would judge ${folder}`);
    const place = judgeFolder(folder, judge.name);
    plans({ kind: 'judged', place, judge: judge.dir, answers: folder });
    return wrote(place);
  }
  const { folder, rows } = findSearchRun(config, source);
  await openBackend(config);
  const perplexities = (await judgeResponses(folder, rows, config))!;
  const place = judgeFolder(folder, judge.name);
  const table = groupBy(rows, ({ layer }) => String(layer)).map((group) => {
    const values = group.flatMap(({ id }) => perplexities.get(id) ?? []).sort((a, b) => a - b);
    const at = (quantile: number) => values[Math.floor(quantile * (values.length - 1))]?.toFixed(2);
    const missing = 1 - values.length / group.length;
    return [
      group[0].layer ?? 'none',
      group.length,
      at(0),
      at(0.05),
      at(0.5),
      at(0.95),
      percent(missing),
    ];
  });
  console.log(`Perplexity of the responses by ${judge.name}, kept in ${place}`);
  console.log(formatTable(['layer', 'n', 'lowest', '5 %', 'median', '95 %', 'without any'], table));
  await endWithReport(context, folder, describeLayerSearch);
  wrote(place);
});
