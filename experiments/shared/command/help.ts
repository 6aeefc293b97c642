// Answers --help at once, from the comments in the script's YAML file. Scripts import this first:
// what they import after it takes seconds to load.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isMap, isScalar, isSeq, parse, parseDocument } from 'yaml';
import { type Section, sectionsOf } from '../../../src/runs/yamlFile';

export const experimentsFolder = path.join(__dirname, '../..');
export const configsFolder = path.join(experimentsFolder, '../configs');

export const presetsFolder = path.join(configsFolder, 'paper');

/** The presets there are: `gemma-2-2b`, …; the folder's other files are the defaults of its scripts. */
export function presetNames(): string[] {
  const isScript = (name: string) =>
    fs.existsSync(path.join(experimentsFolder, `paper/${name}.ts`));
  return fs
    .readdirSync(presetsFolder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => path.basename(name, '.yaml'))
    .filter((name) => !isScript(name))
    .sort();
}

/** What a script is called in presets: `format/evaluate`. */
export function scriptName(file: string): string {
  return path.relative(experimentsFolder, file).replace(/\.ts$/, '').replaceAll(path.sep, '/');
}

/** The defaults of a script: `experiments/a/b.ts` has `configs/a/b.yaml`. */
export function defaultsFile(script: string): string {
  return path.join(configsFolder, `${scriptName(script)}.yaml`);
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

/** Other defaults: `tiny-gemma2: layer=0 positions=last`, `constraint_type=exactly: n_examples=9`. */
function describeOthers(yaml: string): string {
  const [, ...others] = sectionsOf({ source: '', content: parse(yaml) ?? {} });
  const lines = others.map(({ model, when, keys }: Section) => {
    const held = [model, when && `${when.key}=${when.value}`].filter(Boolean).join(', ');
    const values = Object.entries(keys).map(
      ([key, value]) => `${key}=${JSON.stringify(value).replaceAll('"', '')}`,
    );
    return `  ${held}: ${values.join(' ')}`;
  });
  return lines.length ? `\nOther defaults for some models and values:\n${lines.join('\n')}\n` : '';
}

/** The key `preset`, which every script has (see presets.ts). */
function presetHelp(): KeyHelp {
  const meaning =
    "null: the paper's settings, for a model of the paper; one of its names (" +
    `${presetNames().join(', ')}): those settings for any model; none: other models' defaults`;
  return { key: 'preset', default: 'null', meaning };
}

/** The text of --help: the file's opening comment, usage, keys. */
export function helpText(script: string): string {
  const yaml = fs.readFileSync(defaultsFile(script), 'utf8');
  const opening = /^(#.*\n)+/.exec(yaml)?.[0].replace(/^# ?/gm, '') ?? '';
  const name = path.relative(path.join(experimentsFolder, '..'), script);
  const keys = [...describeKeys(yaml), presetHelp()].map(({ key, default: value, meaning }) => {
    const assignment = `  ${key}=${value}`;
    const column = 34;
    const gap = assignment.length < column ? column - assignment.length : column + 1;
    return assignment + (gap > column ? '\n' : '') + ' '.repeat(Math.min(gap, column)) + meaning;
  });
  return `${opening}
Usage: npx ts-node ${name} [key=value ...] [options]

Keys, with their defaults:
${keys.join('\n')}
${describeOthers(yaml)}
  --multirun, -m                  key=a,b,c: a run for every combination of the values,
                                  and their main figures in one table
  --config <file>                 a YAML file whose keys take the place of the defaults
  --dry-run                       the same as dry_run=true
  --wide                          tables with all their columns (default: those that fit)
  --no-report                     without report.html and figures/ in the run's folder
  --shard 2/4                     the second of four parts of an evaluation's rows; the same
                                  command without it puts the parts together
  --wait                          wait for what another process is writing, then go on
  --launcher slurm                submit every combination, and with shards=N every part, as a
                                  job array: slurm.partition=…, slurm.gpus=1, slurm.time=4:00:00
                                  (docs/jobs.md)
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
