/** Tests of what is not on every machine: skipped, they say why, and count as skipped. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import { tensorflowCandidates } from '../src/backend';

/**
 * `test` where something is there; elsewhere `test.skip`, and a line that the runner shows.
 * @param missing why it can't run, e.g. `shared/data is not here`
 */
export function testWhere(there: boolean, missing: string): (name: string, run: Run) => void {
  if (there) return test;
  return (name) => {
    console.log(`Skipped: ${name} (${missing})`);
    test.skip(name);
  };
}

type Run = Parameters<typeof test>[1];

export const hasTensorflow = tensorflowCandidates().some(({ missing }) => !missing);

/** A test that loads libtensorflow. */
export const testTensorflow = testWhere(
  hasTensorflow,
  'no libtensorflow: npm run setup:tensorflow',
);

/** A test with a disk that is full. */
export const testFullDisk = testWhere(fs.existsSync('/dev/full'), 'no /dev/full here');

/** A test that draws: the packages are optional (`npm install --omit=optional`). */
export const testDrawing = testWhere(
  ['vega', 'vega-lite', '@resvg/resvg-js', '@expo-google-fonts/arimo'].every((name) =>
    fs.existsSync(path.join(__dirname, '../node_modules', name)),
  ),
  'vega and its companions are not installed',
);
