// npx ts-node experiments/composition/run.ts
import '../shared/command/help';
import { script as computeFormatRepresentations } from '../format/compute_representations';
import { script as computeResponsePerplexity } from '../format/compute_response_perplexity';
import { script as findBestLayer } from '../format/find_best_layer';
import { script as precomputeIvs } from '../format/precompute_ivs';
import { defineRun } from '../shared/command/steps';
import { script as evaluateFormatPlusLength } from './evaluate_format_plus_length';
import { script as loadResults } from './load_results';

export const run = defineRun(__filename, [
  computeFormatRepresentations,
  findBestLayer,
  computeResponsePerplexity,
  precomputeIvs,
  evaluateFormatPlusLength,
  loadResults,
]);
