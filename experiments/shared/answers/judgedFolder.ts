import * as fs from 'node:fs';
import * as path from 'node:path';
import { type Row, RunFolder, readRun } from '../../../src/runs/runFolder';
import { hashOf } from '../../../src/util/hash';

/** By id: the same, whether the rows come from a plan or from a file. */
export const inOrder = <R extends Row>(rows: R[]): R[] =>
  [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));

/** Whether a judge has been here. */
export const isJudged = (place: string) => fs.existsSync(path.join(place, 'config.yaml'));

/** Whether the figures in a judge's folder are of this; arguments as of `openJudged`. */
export const holdsFiguresOf = (place: string, judged: string[][]) =>
  readRun(place).config.responses === hashOf(judged);

/**
 * Opens the folder of a judge's figures. Those of other responses, from before the run went on, are
 * thrown away.
 * @param judged what is judged, in an order that follows from the rows' ids
 * @param config all else that the figures depend on
 * @throws as `RunFolder.open`
 */
export function openJudged<R extends Row>(
  place: string,
  judged: string[][],
  config: Record<string, unknown>,
): RunFolder<R> {
  if (isJudged(place) && !holdsFiguresOf(place, judged)) fs.rmSync(place, { recursive: true });
  return RunFolder.open<R>(place, { ...config, responses: hashOf(judged) });
}
