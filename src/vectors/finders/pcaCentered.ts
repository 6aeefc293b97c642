/**
 * The first principal component of the texts, each less the middle of its pair: `pca_center` of
 * repeng (github.com/vgel/repeng). The two rows of a pair are half its difference, and minus that, so
 * it is the component of the differences, not centred. Sign and `1x` as in pca.ts.
 */
import type { Finder } from './finder';
import { differencesOf, principal } from './principal';

export const pcaCenter: Finder = (samples) => principal(differencesOf(samples), samples);
