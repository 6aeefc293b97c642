import { directionFromPairs, generateText, openModel, saveVectors, steer } from 'tiller';

async function main() {
  const lm = await openModel('tiny-gemma2');
  const questions = ['apples', 'bread', 'soup', 'chess'].map((topic) => `Tell me about ${topic}.`);
  const pairs = questions.map((q) => ({ positive: `${q} Write in lowercase.`, negative: q }));
  const vectors = await directionFromPairs(lm, pairs, { name: 'lowercase' });
  saveVectors('lowercase.safetensors', vectors);
  const edits = [steer(vectors, { layer: 0, positions: 'last', weight: '1x' })];
  const [answer] = await generateText(lm, ['How do I grow tomatoes?'], { edits });
  console.log(answer.text);
}
main();
