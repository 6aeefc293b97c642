// npx ts-node experiments/length/run.ts
import '../shared/command/help';
import { defineRun } from '../shared/command/steps';
import { script as computeRepresentations } from './compute_representations';
import { script as evaluate } from './evaluate';
import { script as loadResults } from './load_results';

export const run = defineRun(__filename, [computeRepresentations, evaluate, loadResults]);
