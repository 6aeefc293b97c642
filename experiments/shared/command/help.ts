// Answers --help at once, from the comments in the script's YAML file. Scripts import this first:
// what they import after it takes seconds to load.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isMap, isScalar, isSeq, parse, parseDocument } from 'yaml';

export const experimentsFolder = path.join(__dirname, '../..');

/** The defaults of a script: `experiments/a/b.ts` has `configs/a/b.yaml`. */
export function defaultsFile(script: string): string {
  const name = path.relative(experimentsFolder, script).replace(/\.ts$/, '.yaml');
  return path.join(experimentsFolder, '../configs', name);
}

/** One line of the key list. */
export interface KeyHelp {
  key: string;
  default: string;
  meaning: string;
}

/** Keys, defaults and the comments beside them. */
export function describeKeys(yaml: string): KeyHelp[] {
  const { contents } = parseDocument(yaml);
  if (!isMap(contents)) return [];
  return contents.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || !(isScalar(value) || isSeq(value))) return [];
    const [start, end] = value.range ?? [0, 0];
    const meaning = (value.comment ?? '').trim().replace(/\s+/g, ' ');
    return [{ key: String(key.value), default: yaml.slice(start, end), meaning }];
  });
}

/** Keys under `models`: `tiny-gemma2: layer=0 positions=last`. */
function describeModels(yaml: string): string {
  const { models = {} } = (parse(yaml) ?? {}) as { models?: Record<string, object> };
  const lines = Object.entries(models).map(
    ([model, keys]) =>
      `  ${model}: ${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value).replaceAll('"', '')}`)
        .join(' ')}`,
  );
  return lines.length ? `\nOther defaults for some models:\n${lines.join('\n')}\n` : '';
}

/** The text of --help: the file's opening comment, usage, keys. */
export function helpText(script: string): string {
  const yaml = fs.readFileSync(defaultsFile(script), 'utf8');
  const opening = /^(#.*\n)+/.exec(yaml)?.[0].replace(/^# ?/gm, '') ?? '';
  const name = path.relative(path.join(experimentsFolder, '..'), script);
  const keys = describeKeys(yaml).map(({ key, default: value, meaning }) => {
    const assignment = `  ${key}=${value}`;
    const column = 34;
    const gap = assignment.length < column ? column - assignment.length : column + 1;
    return assignment + (gap > column ? '\n' : '') + ' '.repeat(Math.min(gap, column)) + meaning;
  });
  return `${opening}
Usage: npx ts-node ${name} [key=value ...] [options]
${keys.length ? `\nKeys, with their defaults:\n${keys.join('\n')}\n` : ''}${describeModels(yaml)}
  --multirun, -m                  key=a,b,c: a run for every combination of the values,
                                  and their main figures in one table
  --config <file>                 a YAML file whose keys take the place of the defaults
  --dry-run                       the same as dry_run=true
  --wide                          tables with all their columns (default: those that fit)
`;
}

const script = require.main?.filename ?? '';
if (
  script.startsWith(experimentsFolder) &&
  fs.existsSync(defaultsFile(script)) && // without one, the frame of other programs answers
  process.argv.some((word) => /^(--help|-h)$/.test(word))
) {
  process.stdout.write(helpText(script));
  process.exit(0);
}
