/** The rows of a run's data file with their checks: a run's own rows do not have the arguments. */
import * as fs from 'node:fs';
import { hashFile } from '../../../src/util/hashFile';
import { silentlyNow } from '../command/rehearse';
import { inputPath } from '../data/inputPath';
import type { InstructionRow } from '../data/instructionRows';

/**
 * By key; none where the file is not there any more, or is another one by now, which a notice says:
 * the verdicts stand in the run, what they were made by does not.
 * @param load throws for what it can't read
 */
export function checkedRows<R extends InstructionRow>(
  config: Record<string, unknown>,
  load: (file: string) => R[],
): { byKey: Map<string, R>; notices: string[] } {
  const file = inputPath(String(config.data_path));
  const missing = (why: string) => ({
    byKey: new Map<string, R>(),
    notices: [
      `The data file ${config.data_path} ${why}: answers are shown without IFEval's evidence. The ` +
        'verdicts are those of the run.',
    ],
  });
  if (!fs.existsSync(file)) return missing('is not there any more');
  if (config.data_sha256 && hashFile(file) !== config.data_sha256) {
    return missing('is another one by now');
  }
  try {
    const rows = silentlyNow(() => load(file));
    return { byKey: new Map(rows.map((row) => [row.key, row])), notices: [] };
  } catch {
    return missing("can't be read");
  }
}
