import type { Category } from './topics';

/** Wordings for training, and others (of words that the training ones hold) for evaluation. */
export interface Phrasings {
  train: readonly string[];
  heldout: readonly string[];
}

export const OPTIONS = ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'] as const;

/**
 * `open` are the ordinary questions. The others can be answered by yes, no or maybe, in this order,
 * and the wording alone decides. Every wording tells the category, because a held-out topic doesn't.
 */
export interface Questions {
  open: Phrasings;
  closed: readonly [yes: Phrasings, no: Phrasings, maybe: Phrasings];
}

export const QUESTIONS: Record<Category, Questions> = {
  skill: {
    open: {
      train: [
        'How can I learn {t}?',
        'How do I get better at {t} as a hobby?',
        'What is a good way to learn {t}?',
        'What should a beginner in {t} practice?',
        'I want to learn {t}. What should I know?',
      ],
      heldout: ['What is a good way to practice {t}?', 'How should a beginner learn {t}?'],
    },
    closed: [
      {
        train: ['Is {t} a good hobby for beginners?', 'Can a beginner learn {t}?'],
        heldout: ['Is it good for beginners to learn {t}?'],
      },
      {
        train: ['Can I learn {t} in a single day?', 'Is one day enough to learn {t}?'],
        heldout: ['Can a beginner learn {t} in a single day?'],
      },
      {
        train: ['Will I enjoy learning {t}?', 'Is {t} the right hobby for me?'],
        heldout: ['Will {t} be the right hobby for me?'],
      },
    ],
  },
  sport: {
    open: {
      train: [
        'How can I get fit with {t}?',
        'How should I train for {t}?',
        'What should I know before my first training in {t}?',
        'How do I begin with {t} as a sport?',
        'I want to train in {t}. What is important?',
      ],
      heldout: ['How do I train in {t} as a sport?', 'What should I know to train for {t}?'],
    },
    closed: [
      {
        train: ['Is {t} a healthy sport?', 'Can the sport of {t} make me fit?'],
        heldout: ['Is {t} a sport that can make me fit?'],
      },
      {
        train: ['Can I train for {t} without any rest?', 'Should I train for {t} all night?'],
        heldout: ['Should I train for {t} without any rest?'],
      },
      {
        train: ['Will I win a prize in {t}?', 'Is {t} the best sport for my family?'],
        heldout: ['Will my family win a prize in {t}?'],
      },
    ],
  },
  animal: {
    open: {
      train: [
        'How do {t} live in nature?',
        'What should I know about the life of {t}?',
        'What do {t} need in the wild?',
        'Tell me how {t} behave in nature.',
        'What is special about the behavior of {t}?',
      ],
      heldout: ['How do {t} behave in the wild?', 'Tell me about the life of {t} in nature.'],
    },
    closed: [
      {
        train: ['Do {t} need water?', 'Do {t} need food to live?'],
        heldout: ['Do {t} need water to live?'],
      },
      {
        train: ['Can {t} read a book?', 'Do {t} live on the moon?'],
        heldout: ['Can {t} read a book on the moon?'],
      },
      {
        train: ['Will I see {t} today?', 'Are {t} watching us today?'],
        heldout: ['Will {t} see us today?'],
      },
    ],
  },
  plant: {
    open: {
      train: [
        'How do I grow {t}?',
        'How should I care for {t} in my garden?',
        'What do {t} need to grow well?',
        'When and where should I plant {t}?',
        'What should a new gardener know about {t}?',
      ],
      heldout: ['How do I grow {t} in my garden?', 'Where do {t} grow well?'],
    },
    closed: [
      {
        train: ['Can I grow {t} in my garden?', 'Do {t} need light to grow?'],
        heldout: ['Do {t} need light in my garden?'],
      },
      {
        train: ['Can I grow {t} without any water?', 'Will {t} grow in the dark?'],
        heldout: ['Will {t} grow without any water?'],
      },
      {
        train: ['Will my {t} grow tall this year?', 'Should I plant {t} this year?'],
        heldout: ['Should my garden have {t} this year?'],
      },
    ],
  },
  food: {
    open: {
      train: [
        'How do I make good {t} at home?',
        'What is an easy way to cook {t}?',
        'How can I cook better {t}?',
        'What should I know before I make {t}?',
        'I want to cook {t}. How do I do it?',
      ],
      heldout: ['How can I make better {t} at home?', 'What is a good way to cook {t}?'],
    },
    closed: [
      {
        train: ['Can I make {t} at home?', 'Is {t} easy to share with friends?'],
        heldout: ['Can I make {t} to share with friends?'],
      },
      {
        train: ['Can I cook {t} without any food?', 'Should I eat only {t} all year?'],
        heldout: ['Should I cook only {t} all year?'],
      },
      {
        train: ['Will my guests like my {t}?', 'Is {t} the right meal for tonight?'],
        heldout: ['Will my guests like {t} tonight?'],
      },
    ],
  },
  place: {
    open: {
      train: [
        'How should I plan a trip to the {t}?',
        'What can I do at the {t}?',
        'What should I see at the {t}?',
        'How can I enjoy a day at the {t}?',
        'We want to go to the {t}. What should we know?',
      ],
      heldout: ['How should I plan a day at the {t}?', 'What can we see at the {t}?'],
    },
    closed: [
      {
        train: ['Is the {t} worth a trip?', 'Can I walk at the {t}?'],
        heldout: ['Is it worth a trip to walk at the {t}?'],
      },
      {
        train: ['Can I carry the {t} home?', 'Is the {t} small enough for my bag?'],
        heldout: ['Can I carry the {t} in my bag?'],
      },
      {
        train: ['Will the {t} be busy today?', 'Should we go to the {t} this week?'],
        heldout: ['Will the {t} be busy this week?'],
      },
    ],
  },
  tool: {
    open: {
      train: [
        'How do I choose a {t}?',
        'What makes a {t} useful?',
        'What should I look for in a {t}?',
        'I need to buy a {t}. What is important?',
        'How do I take care of a {t}?',
      ],
      heldout: ['What should I know before I buy a {t}?', 'How do I look for a useful {t}?'],
    },
    closed: [
      {
        train: ['Is a {t} useful?', 'Can I buy a {t} in a shop?'],
        heldout: ['Is it useful to buy a {t}?'],
      },
      {
        train: ['Can a {t} speak to me?', 'Does a {t} grow on trees?'],
        heldout: ['Can a {t} grow on trees?'],
      },
      {
        train: ['Do I need a new {t}?', 'Will a cheap {t} be enough for me?'],
        heldout: ['Will I need a cheap {t}?'],
      },
    ],
  },
  job: {
    open: {
      train: [
        'What do {t} do all day?',
        'What is the work of {t} like?',
        'Why are {t} important for a town?',
        'How do {t} do their job well?',
        'What skills do {t} need for their job?',
      ],
      heldout: ['What is the job of {t} like?', 'What do {t} need for their work?'],
    },
    closed: [
      {
        train: ['Are {t} important for a town?', 'Is the work of {t} useful?'],
        heldout: ['Is the job of {t} important?'],
      },
      {
        train: ['Do {t} work without any training?', 'Can {t} do their job while they sleep?'],
        heldout: ['Can {t} do their job without any training?'],
      },
      {
        train: ['Will {t} work less next year?', 'Should my friends become {t}?'],
        heldout: ['Will my friends become {t} next year?'],
      },
    ],
  },
};
