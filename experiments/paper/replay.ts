/**
 * The paper's format figures once more from its published outputs, without a model: checks every
 * response with our IFEval, chooses the layers by the published rule, and counts the four cells.
 *
 *     npx ts-node experiments/paper/replay.ts ../shared/data/authors/phi-3
 *     npx ts-node experiments/paper/replay.ts ../shared/data/authors/phi-3 --json
 *
 * The folder holds layer_search_no_instr.jsonl, layer_search_instr.jsonl, format_no_instr.jsonl,
 * format_no_instr_steered.jsonl, format_instr.jsonl and format_instr_steered.jsonl. A folder named as
 * a model of the paper is held against the paper's numbers.
 */
import * as path from 'node:path';
import { runAsProgram } from '../../src/util/script';
import { published } from '../shared/command/presets';
import { readOutputs } from './parts/outputs';
import { replay } from './parts/replay';
import { describeReplay, replayJson, warnings } from './parts/replayReport';

runAsProgram(
  module,
  { options: [['--json', 'One JSON object, and nothing else']], takes: [1, 1] },
  ({ positionals: [folder], options }) => {
    const found = replay(readOutputs(folder));
    for (const line of warnings(found)) console.error(line);
    const paper = published(path.basename(path.resolve(folder)))?.format;
    console.log(options.json ? replayJson(found) : describeReplay(found, paper));
  },
);
