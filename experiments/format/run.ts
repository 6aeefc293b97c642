// npx ts-node experiments/format/run.ts
import '../shared/command/help';
import { defineRun } from '../shared/command/steps';
import { script as computeRepresentations } from './compute_representations';
import { script as computeResponsePerplexity } from './compute_response_perplexity';
import { script as evaluate } from './evaluate';
import { script as findBestLayer } from './find_best_layer';
import { script as loadResults } from './load_results';
import { script as precomputeIvs } from './precompute_ivs';

export const run = defineRun(__filename, [
  computeRepresentations,
  findBestLayer,
  computeResponsePerplexity,
  precomputeIvs,
  evaluate,
  loadResults,
]);
