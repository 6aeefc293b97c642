/** A vector found by gradient: it is to make one answer likely, and is tried on other questions. */
import * as tf from '@tensorflow/tfjs-core';
import { type Edit, generateText, openModel, residPost } from 'tiller';

export async function main() {
  const lm = await openModel('tiny-gemma2');
  const { dModel, vocabSize } = lm.model.config;
  const layer = 3;
  const question = 'How do I grow tomatoes?';
  const [{ text }] = await generateText(lm, [`${question} Answer in lowercase.`]);
  const [prompt, target] = [lm.encode(question), lm.tokenizer.encode(text, { bos: false })];

  /** Nats per token of the target, where the vector is added after the block. */
  const loss = (vector: tf.Tensor) => {
    const hooks = { [residPost(layer)]: (h: tf.Tensor) => h.add(vector) };
    const logits = lm.model.forward([[...prompt, ...target]], { hooks }).squeeze([0]);
    const shares = logits.slice([prompt.length - 1], [target.length]).logSoftmax();
    const wanted = tf.oneHot(tf.tensor1d(target, 'int32'), vocabSize);
    return shares.mul(wanted).sum().div(-target.length).asScalar();
  };
  const vector = tf.tidy(() => tf.variable(tf.randomNormal([dModel], 0, 0.01, 'float32', 1)));
  const optimizer = tf.train.adam(0.1);
  const step = () => optimizer.minimize(() => loss(vector), true, [vector])!.dataSync()[0];
  const losses = Array.from({ length: 30 }, () => tf.tidy(step));
  console.log(`nats per token: ${losses[0].toFixed(2)}, then ${losses.at(-1)!.toFixed(2)}`);

  const values = vector.dataSync() as Float32Array;
  const weight = Math.hypot(...values);
  const edit: Edit = { kind: 'add', layer, vector: values.map((x) => x / weight), weight };
  const others = [
    'How can I learn chess?',
    'How do I grow roses?',
    'What do cats need in the wild?',
  ];
  const answers = await generateText(lm, others, { edits: [edit] });
  for (const answer of answers) console.log(answer.text);
  tf.dispose(vector);
  optimizer.dispose();
  lm.dispose();
  return { losses, answers: answers.map((answer) => answer.text) };
}

if (require.main === module) main();
