/** An edit of one's own: a hook that turns the residual stream toward a vector and keeps its length. */
import * as tf from '@tensorflow/tfjs-core';
import { directionFromPairs, generateText, type HookFn, openModel, residPost } from 'tiller';

/** (1 − share) · h + share · |h| · u, brought back to the length of h: [B, T, D]. */
const turnToward = (unit: Float32Array, share: number): HookFn => {
  return (h) => {
    const length = h.norm('euclidean', -1, true);
    const turned = h.mul(1 - share).add(length.mul(share).mul(tf.tensor1d(unit)));
    return turned.mul(length).div(turned.norm('euclidean', -1, true));
  };
};

export async function main() {
  const lm = await openModel('tiny-gemma2');
  const layer = 3;
  const pairs = ['tomatoes', 'apples', 'a cactus', 'herbs'].map((plant) => {
    const question = `How do I grow ${plant}?`;
    return { positive: `${question} Answer in lowercase.`, negative: question };
  });
  const { directions } = await directionFromPairs(lm, pairs, { name: 'lower', layers: [layer] });
  const hooks = { [residPost(layer)]: turnToward(directions.get('lower')!.unit[0], 0.5) };
  const questions = ['How can I learn chess?', 'What do cats need in the wild?'];
  const plain = await generateText(lm, questions);
  const turned = await generateText(lm, questions, { hooks });
  for (const i of questions.keys()) {
    console.log(`${questions[i]}\n  without: ${plain[i].text}\n  turned:  ${turned[i].text}`);
  }
  lm.dispose();
  return { plain: plain.map(({ text }) => text), turned: turned.map(({ text }) => text) };
}

if (require.main === module) main();
