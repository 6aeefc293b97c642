/**
 * h − P h + |P h| · (cos(angle) · u + sin(angle) · v): what h has in the plane of u and v is turned to
 * stand at `angle` from u, towards v; its length, and so |h|, stays, and so does all outside the plane.
 * Angular Steering (Vu & Nguyen 2025, arXiv 2510.26243; there after every norm of the model, with u a
 * mean difference and v the first principal component of all layers' differences).
 *
 * v is `second`, less what it has of u. Without one it is h's own remainder beside u, so that h
 * itself is turned: `angle` is then that between h and u. (Where h is a multiple of u, no such plane
 * is determined.) With `when: { vector: u, above: 0 }` only tokens that already point along u are
 * turned: the paper's adaptive variant.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, optional } from '../../util/check';
import { InputError } from '../../util/errors';
import { along } from './along';
import { defineKind } from './kind';
import { checkVector, dot, unitOf } from './vector';

/** Keeps roots and quotients of rows without the edit at 0; far below what float32 adds to a length. */
const TINY = 1e-30;
/** A second direction with less than this share of itself beside u spans no plane with it. */
const LEAST_SHARE = 1e-3;

export const rotate = defineKind<{ angle: number; second?: Float32Array }>({
  takes: 'an angle, and a second direction if there is one',
  parameters: ['angle', 'second'],
  unit: true,
  check(what, { vector, angle, second }) {
    checkNumber(`${what}: angle`, angle);
    const most = second === undefined ? 180 : 360;
    if (angle < 0 || angle > most) {
      const why = second === undefined ? ' without a second direction' : '';
      throw new InputError(`${what}: angle is ${angle}, not from 0 to ${most} degrees${why}.`);
    }
    optional(second, (given) => {
      checkVector(`${what}: second`, given, vector.length);
      const share = Math.sqrt(
        dot(beside(given, vector), beside(given, vector)) / dot(given, given),
      );
      if (share < LEAST_SHARE) {
        throw new InputError(`${what}: its second direction is that of its vector: no plane.`);
      }
    });
  },
  vectors: ({ vector, second }) => [
    unitOf(vector),
    second ? unitOf(beside(second, vector)) : new Float32Array(vector.length),
  ],
  amounts({ angle, second }) {
    const radians = (angle * Math.PI) / 180;
    return [Math.cos(radians), Math.sin(radians), second ? 0 : 1];
  },
  terms(h, { vectors: [u, second], amounts: [cos, sin, own] }) {
    const onU = along(h, u);
    const remainder = tf.sub(h, tf.mul(onU, u));
    const v = tf.add(tf.mul(own, remainder), second);
    const length = tf.sqrt(tf.add(along(v, v), TINY));
    const onV = tf.div(along(h, v), length);
    const inPlane = tf.sqrt(tf.add(tf.add(tf.square(onU), tf.square(onV)), TINY));
    return [
      { factor: tf.sub(tf.mul(inPlane, cos), onU), of: u },
      { factor: tf.div(tf.sub(tf.mul(inPlane, sin), onV), length), of: v },
    ];
  },
});

/** What `x` has beside `u`. */
function beside(x: Float32Array, u: Float32Array): Float32Array {
  const share = dot(x, u) / dot(u, u);
  return x.map((value, i) => value - share * u[i]);
}
