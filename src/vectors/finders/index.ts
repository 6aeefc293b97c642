/**
 * Every way to find a vector from activations of pairs. A new one is a file beside this one and a line
 * in `FINDERS`; docs/steering.md says what each is for.
 */
import type { Finder } from './finder';
import { logisticProbe } from './logisticProbe';
import { meanCentered } from './meanCentered';
import { meanDifference } from './meanDifference';
import { pcaDiff } from './pca';
import { pcaCenter } from './pcaCentered';

export const FINDERS = {
  mean_difference: meanDifference,
  pca_diff: pcaDiff,
  pca_center: pcaCenter,
  logistic_probe: logisticProbe,
  mean_centered: meanCentered,
} satisfies Record<string, Finder>;

export type Method = keyof typeof FINDERS;
export const METHODS = Object.keys(FINDERS) as Method[];
