import type { Phrasings } from './questions';

/**
 * Wordings of every instruction, for training and (of the same words) for evaluation. `{n}` is a
 * number, as digit or word, `{s}` the s of its plural, `{w}` a word, `{p}` an end phrase.
 */

/** Brevity level 0 (shortest) to 4 (longest), and the sentences that each asks for. */
export const BREVITY: readonly (Phrasings & { name: string; sentences: [number, number] })[] = [
  {
    name: 'extremely_concise',
    sentences: [1, 1],
    train: [
      'Be extremely concise.',
      'Keep the answer extremely short.',
      'Answer as briefly as possible.',
      'Give an extremely brief answer.',
      'Your answer should be extremely concise.',
      'Please be as brief as possible.',
    ],
    heldout: ['Please be extremely brief.', 'Keep your answer as short as possible.'],
  },
  {
    name: 'concise',
    sentences: [2, 2],
    train: [
      'Be concise.',
      'Keep the answer short.',
      'Give a brief answer.',
      'Your answer should be concise.',
      'Please be brief.',
    ],
    heldout: ['Give a concise answer.', 'Please keep your answer brief.'],
  },
  {
    name: 'moderate',
    sentences: [3, 4],
    train: [
      'Give an answer of moderate length.',
      'Be neither brief nor wordy.',
      'Give an answer of normal length.',
      'Your answer should be neither short nor long.',
    ],
    heldout: ['Your answer should be of moderate length.', 'Be neither short nor wordy.'],
  },
  {
    name: 'verbose',
    sentences: [5, 6],
    train: [
      'Be verbose.',
      'Give a long answer.',
      'Go into detail.',
      'Give a detailed answer.',
      'Your answer should be long.',
      'Please be verbose.',
    ],
    heldout: ['Give a verbose answer.', 'Your answer should be detailed.'],
  },
  {
    name: 'extremely_verbose',
    sentences: [7, 8],
    train: [
      'Be extremely verbose.',
      'Give an extremely long answer.',
      'Go into as much detail as possible.',
      'Your answer should be extremely long and detailed.',
      'Please be as verbose as possible.',
      'Give an answer that is as long as possible.',
    ],
    heldout: ['Give an extremely verbose answer.', 'Please give as much detail as possible.'],
  },
];

/** Number of sentences, by IFEval-like relation. */
export const SENTENCES: Record<'exactly' | 'at most' | 'at least', Phrasings> = {
  exactly: {
    train: [
      'Answer in {n} sentence{s}.',
      'Use {n} sentence{s}.',
      'Write {n} sentence{s}.',
      'Answer using exactly {n} sentence{s}.',
      'Your answer should have exactly {n} sentence{s}.',
      'Please write exactly {n} sentence{s}.',
    ],
    heldout: ['Use exactly {n} sentence{s}.', 'Answer in exactly {n} sentence{s}.'],
  },
  'at most': {
    train: [
      'Answer using at most {n} sentence{s}.',
      'Answer in at most {n} sentence{s}.',
      'Your answer should have at most {n} sentence{s}.',
      'Please write at most {n} sentence{s}.',
    ],
    heldout: ['Use at most {n} sentence{s}.', 'Please answer in at most {n} sentence{s}.'],
  },
  'at least': {
    train: [
      'Answer using at least {n} sentence{s}.',
      'Answer in at least {n} sentence{s}.',
      'Your answer should have at least {n} sentence{s}.',
      'Please write at least {n} sentence{s}.',
    ],
    heldout: ['Use at least {n} sentence{s}.', 'Please answer in at least {n} sentence{s}.'],
  },
};

export const END_PHRASES = [
  'Is there anything else I can help with?',
  'I hope this helps you today.',
] as const;

/** Every other family, by the id of its kind of instruction. */
export const FORMATS = {
  'change_case:english_lowercase': {
    train: [
      'Use only lowercase letters.',
      'Answer in lowercase letters only.',
      'Your whole answer should be in lowercase letters.',
      'Please use no capital letters.',
      'Write everything in lowercase.',
    ],
    heldout: ['Write in lowercase letters only.', 'Your answer should have no capital letters.'],
  },
  'change_case:english_capital': {
    train: [
      'Use only capital letters.',
      'Answer in all capital letters.',
      'Your whole answer should be in capital letters.',
      'Please write everything in capital letters.',
      'Write every letter as a capital letter.',
    ],
    heldout: [
      'Write only in capital letters.',
      'Please use capital letters for your whole answer.',
    ],
  },
  'change_case:capital_word_frequency': {
    train: [
      'Write at least {n} words in all capitals.',
      'Use at least {n} words in all capitals.',
      'Your answer should have at least {n} words in all capitals.',
      'Put at least {n} words in all capitals.',
    ],
    heldout: [
      'Please write at least {n} words in all capitals.',
      'Your answer should use at least {n} words in all capitals.',
    ],
  },
  'punctuation:no_comma': {
    train: [
      'Do not use any commas.',
      'Use no commas in your answer.',
      'Avoid commas.',
      'Your answer should have no commas.',
      'Please answer without commas.',
    ],
    heldout: ['Please avoid any commas.', 'Do not use commas in your answer.'],
  },
  'startend:quotation': {
    train: [
      'Put your whole answer in double quotation marks.',
      'Put double quotation marks around your answer.',
      'Your answer should be in double quotation marks.',
      'Begin and end your answer with double quotation marks.',
      'Please answer in quotation marks.',
    ],
    heldout: [
      'Please put your answer in double quotation marks.',
      'Your whole answer should have quotation marks around it.',
    ],
  },
  'startend:end_checker': {
    train: [
      'End your answer with this exact phrase: {p}',
      'Finish your answer with the exact phrase "{p}"',
      'The last words of your answer should be: {p}',
      'Your answer should end with the exact phrase: {p}',
      'Please finish with this phrase: {p}',
    ],
    heldout: [
      'Please end your answer with this phrase: {p}',
      'Your answer should finish with the exact phrase "{p}"',
    ],
  },
  'detectable_format:number_bullet_lists': {
    train: [
      'Answer with exactly {n} bullet points.',
      'Write your answer as a list of {n} bullet points.',
      'Your answer should have exactly {n} bullet points.',
      'Use exactly {n} bullet points such as * this is a point.',
      'Please give {n} bullet points.',
    ],
    heldout: [
      'Please answer with exactly {n} bullet points.',
      'Your answer should be a list of {n} bullet points.',
    ],
  },
  'detectable_format:title': {
    train: [
      'Give your answer a title in double angular brackets.',
      'Begin with a title in double angular brackets such as <<title>>.',
      'Your answer should have a title such as <<title>>.',
      'Put a title in double angular brackets before your answer.',
      'Please add a title such as <<title>>.',
    ],
    heldout: [
      'Please begin your answer with a title such as <<title>>.',
      'Your answer should have a title in double angular brackets.',
    ],
  },
  'detectable_format:json_format': {
    train: [
      'Put your whole answer in JSON format.',
      'Answer in JSON format.',
      'Your answer should be in JSON format.',
      'Please use the JSON format for your answer.',
      'Write everything as JSON.',
    ],
    heldout: ['Please write your answer in JSON format.', 'Use JSON for your whole answer.'],
  },
  'detectable_format:number_highlighted_sections': {
    train: [
      'Highlight at least {n} part{s} of your answer with stars such as *highlighted part*.',
      'Highlight at least {n} part{s} with stars.',
      'Your answer should have at least {n} highlighted part{s} such as *highlighted part*.',
      'Put at least {n} part{s} of your answer between stars.',
    ],
    heldout: [
      'Please highlight at least {n} part{s} of your answer with stars.',
      'Your answer should have at least {n} part{s} between stars.',
    ],
  },
  'detectable_format:constrained_response': {
    train: [
      'Answer with one of these options: {o}',
      'Choose one of these options: {o}',
      'Your answer should be one of these options: {o}',
      'Please use only one of these options: {o}',
    ],
    heldout: [
      'Please answer with one of these options: {o}',
      'Your whole answer should be one of these options: {o}',
    ],
  },
  'detectable_format:multiple_sections': {
    train: [
      'Write {n} sections and begin each section with SECTION and its number.',
      'Your answer should have {n} sections marked with SECTION and a number.',
      'Use {n} sections such as SECTION 1.',
      'Put your answer in {n} sections such as SECTION 1.',
    ],
    heldout: [
      'Please write {n} sections such as SECTION 1.',
      'Your answer should have {n} sections and each should begin with SECTION and a number.',
    ],
  },
  'language:response_language': {
    train: [
      'Answer in Spanish.',
      'Write your whole answer in Spanish.',
      'Your answer should be in Spanish.',
      'Please use only the Spanish language.',
      'Use Spanish and no other language.',
    ],
    heldout: ['Please write only in Spanish.', 'Your whole answer should be in Spanish.'],
  },
  'keywords:existence': {
    train: [
      'Include the word {w} in your answer.',
      'Use the word {w} in your answer.',
      'Your answer should include the word {w}.',
      'Include the word "{w}" in your answer.',
      'Please include the word {w}.',
      'Make sure to use the word "{w}".',
      'Include the keyword {w}.',
    ],
    heldout: ['Make sure to include the word {w}.', 'Your answer should use the word {w}.'],
  },
  'keywords:forbidden_words': {
    train: [
      'Do not include the word {w} in your answer.',
      'Do not use the word {w}.',
      'Avoid the word {w} in your answer.',
      'Your answer should not include the word {w}.',
      'Do not include the word "{w}".',
      'Please avoid the word "{w}".',
      'Answer without the word {w}.',
    ],
    heldout: ['Please do not use the word {w}.', 'Your answer should avoid the word {w}.'],
  },
} satisfies Record<string, Phrasings>;

/** Sentences that bring in the word asked for; they fit anywhere after an answer's opening. */
export const CARRIERS = [
  'Some readers also think of the word {w} here.',
  'The word {w} fits well here too.',
  'It may help to remember the word {w}.',
  'You can also think of the word {w}.',
  'Here the word {w} comes to mind.',
] as const;
