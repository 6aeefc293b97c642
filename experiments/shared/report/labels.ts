/** What to call runs that stand side by side. */
import * as path from 'node:path';
import { modelName } from '../../../src/hub/modelFolder';
import { WITHOUT_EFFECT } from '../command/names';

/** Marks of content, and how rows were computed: they follow from other settings, or change nothing. */
const NO_LABEL =
  /sha256$|fingerprint$|^(phrasings|planned_rows|tool|backend|device|dtype|batch_size|prompt_style)$/;
const MOST = 3;

/**
 * The models where they differ, else the settings that do; a folder where that is not enough.
 * @returns a label each, no two the same
 */
export function labelsOf(runs: { folder: string; config: Record<string, unknown> }[]): string[] {
  const keys = [...new Set(runs.flatMap(({ config }) => Object.keys(config)))];
  const spelled = (value: unknown) => JSON.stringify(value ?? null);
  const differing = keys
    .filter((key) => !WITHOUT_EFFECT.includes(key) && !NO_LABEL.test(key))
    .filter((key) => new Set(runs.map(({ config }) => spelled(config[key]))).size > 1);
  const models = runs.map(({ config }) => modelName(String(config.model_name)));
  const byModel = new Set(models).size > 1;
  // What words are for decides their data file and number of rows too.
  const kind = 'specific_instruction';
  const kinds = new Set(runs.map(({ config }, i) => spelled([models[i], config[kind]])));
  const telling = kinds.size === runs.length && differing.includes(kind) ? [kind] : differing;
  const labels = runs.map(({ config }, i) => {
    // Models have their own usual settings: these need no mention where the model tells runs apart.
    const own = byModel && new Set(models).size === runs.length ? [] : telling.slice(0, MOST);
    const settings = own.map((key) =>
      key === kind ? String(config[key]) : `${key}=${short(config[key])}`,
    );
    return [...(byModel ? [models[i]] : []), ...settings].join(' ');
  });
  return labels.map((label, i) => {
    const unique = label && labels.filter((other) => other === label).length === 1;
    return unique ? label : [label, nameOf(runs, i)].filter(Boolean).join(' ');
  });
}

/** The folder's name, or where that is not enough, all of it. */
function nameOf(runs: { folder: string }[], i: number): string {
  const names = runs.map(({ folder }) => path.basename(folder));
  return names.filter((name) => name === names[i]).length === 1 ? names[i] : runs[i].folder;
}

const short = (value: unknown) =>
  (typeof value === 'string' ? path.basename(value) : JSON.stringify(value ?? null))
    .replaceAll('"', '')
    .slice(0, 40);
