import { openModel } from '../../models/open';
import { generateText } from '../../src/language/generateText';
import { directionFromPairs } from '../../src/vectors/fromPairs';
import { steer } from '../../src/vectors/steer';
import { PAIRS, PROMPT } from './playgroundPage';

/** What Node writes: unsteered, and as a link to the page has it (`linkTo`). */
export async function inNode(model: string, { pairs = PAIRS, maxNewTokens = 64 } = {}) {
  const lm = await openModel(model);
  const vectors = await directionFromPairs(lm, pairs, { name: 'lowercase' });
  const edits = [steer(vectors, { layer: 0, positions: 'last', weight: '1x' })];
  const write = { maxNewTokens, edits: [[], edits] };
  const [unsteered, steered] = await generateText(lm, [PROMPT, PROMPT], write);
  lm.dispose();
  return { unsteered: unsteered.text.trim(), steered: steered.text.trim() };
}
