// npx ts-node experiments/keywords/run.ts
import '../shared/command/help';
import { defineRun } from '../shared/command/steps';
import { script as computeRepresentations } from './compute_representations';
import { script as computeResponsePerplexity } from './compute_response_perplexity';
import { script as evaluate } from './evaluate';
import { script as loadResults } from './load_results';

export const run = defineRun(__filename, [
  ['include_vectors', computeRepresentations],
  ['exclude_vectors', computeRepresentations],
  ['validation', evaluate],
  computeResponsePerplexity,
  ['existence', evaluate],
  ['forbidden', evaluate],
  ['forbidden_w_forbidden_rep', evaluate],
  loadResults,
]);
