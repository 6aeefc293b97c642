/**
 * h + (target − h·u) · u: the projection on u becomes `target` (`adjust_rs` of the paper, whose target
 * is the mean projection of prompts with the instruction).
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber } from '../../util/check';
import { along } from './along';
import { defineKind } from './kind';

export const project = defineKind<{ target: number }>({
  takes: 'a target',
  parameters: ['target'],
  unit: true,
  check: (what, { target }) => checkNumber(`${what}: target`, target),
  vectors: ({ vector }) => [vector],
  amounts: ({ target }) => [target],
  terms: (h, { vectors: [u], amounts: [target] }) => [
    { factor: tf.sub(target, along(h, u)), of: u },
  ],
});
