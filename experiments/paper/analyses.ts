// npx ts-node experiments/paper/analyses.ts
import '../shared/command/help';
import { defineRun } from '../shared/command/steps';
import { script as analyseRuns } from './analyse_runs';
import { script as analyseVectors } from './analyse_vectors';

export const run = defineRun(__filename, [analyseVectors, analyseRuns]);
