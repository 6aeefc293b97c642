/** A playground of the small model, with a vector file and one made from pairs. */
import type { LanguageModel } from '../../../src/language/languageModel';
import { Playground, type PlaygroundOptions } from '../../../src/playground/playground';
import type {
  PairsOfVector,
  PlayEvent,
  PlaygroundSettings,
  Reading,
  Side,
} from '../../../src/playground/protocol';
import { Shelf } from '../../../src/vectors/shelf';
import { ONE } from '../serve/helpers';

export { MODEL, ONE, openSmall } from '../serve/helpers';

export const PAIRS: PairsOfVector = {
  name: 'lower case',
  method: 'mean_difference',
  pairs: ['apples', 'chess'].map((topic) => ({
    positive: `Tell me about ${topic}. Write in lowercase.`,
    negative: `Tell me about ${topic}.`,
  })),
};

export const SETTINGS: PlaygroundSettings = {
  ...{ prompt: 'How do I grow tea?', steer: [], maxNewTokens: 24 },
  ...{ temperature: 0, topP: 1, seed: 0 },
};

/** With `one.safetensors` on its shelf. */
export function openPlayground(lm: LanguageModel, options: Partial<PlaygroundOptions> = {}) {
  const shelf = new Shelf(lm);
  shelf.add('one.safetensors', ONE);
  return new Playground(lm, { shelf, ...options });
}

/** What a side was told. */
export interface Told {
  text: string;
  pieces: number;
  end: Extract<PlayEvent, { type: 'end' }>;
  reading: Reading;
}

/** Plays to the end. */
export async function playAll(
  playground: Pick<Playground, 'play'>,
  settings: PlaygroundSettings,
): Promise<{ events: PlayEvent[]; told: Partial<Record<Side, Told>> }> {
  const events: PlayEvent[] = [];
  await playground.play(settings, (event) => events.push(event), new AbortController().signal);
  return { events, told: toldBy(events) };
}

export function toldBy(events: PlayEvent[]): Partial<Record<Side, Told>> {
  const told: Partial<Record<Side, Told>> = {};
  for (const event of events) {
    const own = told[event.side] ?? ({ text: '', pieces: 0 } as Told);
    told[event.side] = own;
    if (event.type === 'text') {
      own.text += event.text;
      own.pieces++;
    } else if (event.type === 'end') own.end = event;
    else own.reading = event.reading;
  }
  return told;
}
