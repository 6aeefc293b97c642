/**
 * The first principal component of the pairs' differences, centred: `pca_diff` of repeng
 * (github.com/vgel/repeng, after Zou et al. 2023, "Representation Engineering"). Centring takes out
 * the mean difference: u is the direction in which pairs differ from each other most.
 *
 * The sign is repeng's: most pairs have their positive text further along u. `1x` is how far apart
 * the two texts of a pair lie along u, on average. (repeng's vectors have length 1.)
 */
import type { Finder } from './finder';
import { centred, differencesOf, principal } from './principal';

export const pcaDiff: Finder = (samples) => principal(centred(differencesOf(samples)), samples);
