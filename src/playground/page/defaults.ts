/** What the page starts with. */
import type { PairsOfVector, PlaygroundSettings } from '../protocol';

export const DEFAULTS: PlaygroundSettings = {
  prompt: 'How do I grow tomatoes?',
  steer: [],
  maxNewTokens: 64,
  temperature: 0,
  topP: 1,
  seed: 0,
};

const questions = ['apples', 'bread', 'soup', 'chess'].map((topic) => `Tell me about ${topic}.`);
const wish = (name: string, words: string): PairsOfVector => ({
  name,
  method: 'mean_difference',
  pairs: questions.map((negative) => ({ positive: `${negative} ${words}`, negative })),
});

/** Pairs to start from. */
export const EXAMPLES: PairsOfVector[] = [
  wish('lowercase', 'Write in lowercase.'),
  wish('brevity', 'Be concise.'),
  wish('bullets', 'Answer with a list of bullet points.'),
];
