/** Draws what an answer has to obey, and how the prompt puts it. */
import { between, pick, type Rng, type Wish } from './answers';
import type { Kwargs } from './check';
import { BREVITY, END_PHRASES, FORMATS, SENTENCES } from './instructions';
import { OPTIONS, type Phrasings } from './questions';
import { BODIES } from './sentences';
import { type Category, KEYWORDS } from './topics';

export type Split = 'train' | 'heldout';

/** A kind of instruction whose wordings depend on nothing else. */
export type Format = keyof typeof FORMATS;
/** The id of a kind of instruction; IFEval's where it has it. */
export type WishId = Format | 'length:brevity' | 'length_constraints:number_sentences';

/** What an answer has to obey, the wordings to choose from and what fills their gaps. */
export interface Drawn extends Wish {
  phrasings: Phrasings;
  word?: string;
  number?: number;
}

/** @param alone whether it is the only instruction of its prompt */
export function drawWish(
  rng: Rng,
  id: WishId,
  category: Category,
  topic: string,
  alone: boolean,
): Drawn {
  switch (id) {
    case 'length:brevity': {
      // The level that asks for nothing special is seldom worth an example.
      const level = pick(rng, alone ? [0, 0, 0, 1, 1, 2, 3, 3, 4, 4, 4] : [1, 3, 4]);
      return { id, kwargs: { level }, phrasings: BREVITY[level] };
    }
    case 'length_constraints:number_sentences': {
      const relation = pick(rng, ['exactly', 'at most', 'at least'] as const);
      // A second instruction may need a sentence of its own.
      const least = alone ? 1 : relation === 'at most' ? 3 : 2;
      const number = between(rng, least, relation === 'at most' ? 5 : 6);
      return {
        id,
        kwargs: { num_sentences: number, relation },
        phrasings: SENTENCES[relation],
        number,
      };
    }
    case 'change_case:capital_word_frequency': {
      const number = between(rng, 2, 4);
      return formatWish(id, { capital_frequency: number, capital_relation: 'at least' });
    }
    case 'startend:end_checker':
      return formatWish(id, { end_phrase: pick(rng, END_PHRASES) });
    case 'detectable_format:number_bullet_lists':
      return formatWish(id, { num_bullets: between(rng, 2, 4) });
    case 'detectable_format:number_highlighted_sections':
      return formatWish(id, { num_highlights: between(rng, 1, 3) });
    case 'detectable_format:multiple_sections':
      return formatWish(id, { num_sections: between(rng, 2, 3), section_spliter: 'SECTION' });
    case 'language:response_language':
      return formatWish(id, { language: 'es' });
    case 'keywords:existence': {
      const words = KEYWORDS.filter((keyword) => keyword !== topic);
      return formatWish(id, { keywords: [pick(rng, words)] });
    }
    case 'keywords:forbidden_words':
      return formatWish(id, { forbidden_words: [pick(rng, [topic, ...BODIES[category].anchors])] });
    default:
      return formatWish(id, {});
  }
}

/** A wish of given arguments, which fill the gaps of its wordings. */
export function formatWish(id: Format, kwargs: Kwargs): Drawn {
  const { capital_frequency, num_bullets, num_highlights, num_sections } = kwargs;
  return {
    id,
    kwargs,
    phrasings: FORMATS[id],
    word: kwargs.end_phrase ?? kwargs.keywords?.[0] ?? kwargs.forbidden_words?.[0],
    number: capital_frequency ?? num_bullets ?? num_highlights ?? num_sections,
  };
}

/** One of the wordings; `mixed` takes training and held-out ones alike. */
export function phrasing(rng: Rng, { train, heldout }: Phrasings, which: Split | 'mixed'): string {
  if (which === 'mixed') return pick(rng, rng() < 0.5 ? train : heldout);
  return pick(rng, which === 'train' ? train : heldout);
}

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];

/** The instruction as the prompt has it; numbers as digits or words. */
export function wording(rng: Rng, wish: Drawn, which: Split | 'mixed'): string {
  const { number = 0, word = '' } = wish;
  const n = rng() < 0.5 ? String(number) : NUMBERS[number];
  return phrasing(rng, wish.phrasings, which)
    .replaceAll('{n}', n)
    .replaceAll('{s}', number === 1 ? '' : 's')
    .replace(/\{[wp]\}/, word)
    .replace('{o}', OPTIONS.join(' '));
}
