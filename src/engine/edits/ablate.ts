/**
 * h − (h·u) · u: what h has of u is taken out, as directional ablation does (Arditi et al. 2024,
 * "Refusal in Language Models Is Mediated by a Single Direction"; there at every layer: give an edit
 * for each).
 */
import * as tf from '@tensorflow/tfjs-core';
import { along } from './along';
import { defineKind } from './kind';

export const ablate = defineKind<object>({
  takes: 'nothing but a vector',
  parameters: [],
  unit: true,
  check: () => {},
  vectors: ({ vector }) => [vector],
  amounts: () => [],
  terms: (h, { vectors: [u] }) => [{ factor: tf.neg(along(h, u)), of: u }],
});
