import type { Category } from './topics';

/**
 * One sentence: alone, or with its comma-free form. `{x~y}` reads x, or y where a word of x is
 * forbidden; `{t~y}` is the topic in the same way.
 */
export type Line = string | readonly [withComma: string, withoutComma: string];

export interface Bodies {
  /** Words that both openings always hold: what "don't use the word W" forbids. */
  anchors: string[];
  title: string;
  /**
   * Answers in order: sentence i of a body is drawn from slot i (sentence 8 from what is left of
   * slot 7). Each slot holds two sentences, each of them in two wordings. True for any topic.
   */
  slots: readonly (readonly [readonly [Line, Line], readonly [Line, Line]])[];
}

export const BODIES: Record<Category, Bodies> = {
  skill: {
    anchors: ['start', 'time'],
    title: 'A guide to {t}',
    slots: [
      [
        [
          [
            'To learn {t~this}, {start~begin} with a simple plan and a little {time~patience}.',
            '{Start~Begin} with a simple plan and a little {time~patience} to learn {t~this}.',
          ],
          [
            'If you want to learn {t~this}, {start~begin} small and give it some {time~space}.',
            '{Start~Begin} small and give {t~this} some {time~space} in your week.',
          ],
        ],
        [
          [
            'With {t~this}, it is best to {start~begin} slowly and {take your time~stay calm}.',
            'It is best to {start~begin} {t~this} slowly and {take your time~stay calm}.',
          ],
          [
            'Before you {start~begin} with {t~this}, find some quiet {time~hours} in your week.',
            'Find some quiet {time~hours} for {t~this} before you {start~begin}.',
          ],
        ],
      ],
      [
        [
          'Practice {t~it} for a short while every day.',
          'Short daily practice helps more than one long lesson.',
        ],
        [
          'Learn the basic steps first and repeat them often.',
          'Repeat the basic steps until they feel easy.',
        ],
      ],
      [
        [
          'Watch someone who knows {t~it} well and copy what they do.',
          'Ask someone who knows {t~it} well to show you the basics.',
        ],
        [
          [
            'If something feels hard, break it into smaller parts.',
            'Break anything that feels hard into smaller parts.',
          ],
          [
            'When a step feels hard, slow down and try it again.',
            'Slow down and try again when a step feels hard.',
          ],
        ],
      ],
      [
        [
          'Keep your first projects small so that you can finish them.',
          'Choose small projects that you can finish in one evening.',
        ],
        [
          'You do not need to buy expensive things at first.',
          'Cheap things are good enough for your first months.',
        ],
      ],
      [
        [
          'Mistakes are normal and they show you what to do next.',
          'Every mistake teaches you something useful about {t~it}.',
        ],
        [
          [
            'Keep a few notes, because they show how far you have come.',
            'Keep a few notes to see how far you have come.',
          ],
          'Write down what went well and what you want to change.',
        ],
      ],
      [
        [
          'Find a friend or a small group who also enjoys {t~it}.',
          'Sharing {t~it} with a friend makes it easier to go on.',
        ],
        [
          'Good books and free videos can help you with the details.',
          'You can find many good books and free videos about {t~it}.',
        ],
      ],
      [
        [
          'Rest when you are tired and come back with a clear mind.',
          'Take a short break when you feel tired.',
        ],
        [
          'Most of all have fun and be proud of your progress.',
          'Above all enjoy {t~it} and stay curious.',
        ],
      ],
    ],
  },
  sport: {
    anchors: ['body', 'safe'],
    title: 'First steps in {t}',
    slots: [
      [
        [
          [
            'Before you try {t~this}, make sure that your {body~health} is ready and {safe~well}.',
            'Make sure that your {body~health} is ready and {safe~well} before you try {t~this}.',
          ],
          [
            'To enjoy {t~this}, keep your {body~health} strong and move in a {safe~good} way.',
            'Keep your {body~health} strong and enjoy {t~this} in a {safe~good} way.',
          ],
        ],
        [
          [
            'With {t~this}, a {safe~gentle} first month lets your {body~muscles} get stronger.',
            'In {t~this} a {safe~gentle} first month lets your {body~muscles} get stronger.',
          ],
          [
            'If you are new to {t~this}, stay {safe~careful} and listen to your {body~muscles}.',
            'Stay {safe~careful} and listen to your {body~muscles} when you are new to {t~this}.',
          ],
        ],
      ],
      [
        [
          'Warm up for a few minutes before every session.',
          'Gentle moves at the beginning of a session will warm you up.',
        ],
        [
          'Train two or three days each week and rest on the others.',
          'Two or three short sessions a week are enough at first.',
        ],
      ],
      [
        [
          'Ask a coach to teach you the basic moves of {t~it}.',
          'Learn the basic moves of {t~it} from a good coach.',
        ],
        [
          [
            'When a move is new, do it slowly and with care.',
            'Do every new move slowly and with care.',
          ],
          [
            'If a move is hard, try an easier one first.',
            'Try an easier move first when one is hard.',
          ],
        ],
      ],
      [
        [
          'Wear light clothes and shoes that fit you well.',
          'Choose clothes that let you move with ease.',
        ],
        [
          'You can borrow what you need from a club at first.',
          'Many clubs for {t~it} lend new members what they need.',
        ],
      ],
      [
        [
          'Drink enough water and eat something light before you train.',
          'Water and a light meal give you energy for {t~it}.',
        ],
        [
          [
            'If something hurts, stop at once and take a rest.',
            'Stop at once and take a rest when something hurts.',
          ],
          'Pain is a clear sign that you should stop and rest.',
        ],
      ],
      [
        [
          'Training with friends makes {t~it} more fun.',
          'Find friends who also like {t~it} and train together.',
        ],
        [
          'Set a small goal for each month and follow it.',
          'Small goals for each month keep you going.',
        ],
      ],
      [
        [
          'Sleep well because your strength grows while you rest.',
          'Good sleep helps you to become stronger.',
        ],
        [
          'Most of all have fun and be fair to others.',
          'Above all enjoy {t~it} and be proud of every step.',
        ],
      ],
    ],
  },
  animal: {
    anchors: ['animals', 'live'],
    title: 'The world of {t}',
    slots: [
      [
        [
          [
            'Like other {animals~creatures}, {t~they} {live~stay} where food and water are near.',
            'Most {t~of them} {live~stay} where {animals~creatures} can find food and water.',
          ],
          [
            'As most {animals~creatures} do, {t~they} {live~stay} in places with enough food.',
            'Most {t~of them} {live~stay} in places with enough food like other ' +
              '{animals~creatures}.',
          ],
        ],
        [
          [
            'To {live~feel} well, {t~they} need what all {animals~creatures} need.',
            'Food and rest help {t~them} and all other {animals~creatures} to {live~feel} well.',
          ],
          [
            'Wherever they {live~are}, {t~they} are {animals~creatures} with clear habits.',
            'You can see that {t~they} are {animals~creatures} with clear habits wherever they ' +
              '{live~are}.',
          ],
        ],
      ],
      [
        [
          'They use their senses to find food and to notice danger.',
          'Their senses help them to find food and to notice danger.',
        ],
        [
          'What {t~they} eat depends on the season and on the place.',
          'Their food changes with the season and with the place.',
        ],
      ],
      [
        [
          'They rest often to save energy for the next search.',
          'Rest is important for {t~them} because it saves energy.',
        ],
        [
          [
            'When there is danger, {t~they} hide or move away quickly.',
            'Most {t~of them} hide or move away quickly when there is danger.',
          ],
          [
            'If something scares them, they look for a quiet place.',
            'They look for a quiet place when something scares them.',
          ],
        ],
      ],
      [
        [
          'Young {t~ones} grow quickly when food is easy to find.',
          'The young grow quickly when food is easy to find.',
        ],
        [
          'They are most active when the light and the weather suit them.',
          'Light and weather decide when {t~they} are most active.',
        ],
      ],
      [
        [
          'They use sounds and movement to send simple messages.',
          'Sounds and movement help {t~them} to send simple messages.',
        ],
        [
          [
            'In bad weather, they look for a warm or quiet place.',
            'They look for a warm or quiet place in bad weather.',
          ],
          'Bad weather can make every day harder for {t~them}.',
        ],
      ],
      [
        [
          'Clean water and quiet places help {t~them} to stay healthy.',
          'They stay healthy where the water is clean and the place is quiet.',
        ],
        [
          'People can help {t~them} by keeping nature clean.',
          'People who keep nature clean also help {t~them}.',
        ],
      ],
      [
        [
          'Watch {t~them} quietly and you will notice something new.',
          'Keep some distance and watch them quietly.',
        ],
        [
          'With some patience you can learn a lot about {t~them}.',
          'Good books can tell you much more about {t~them}.',
        ],
      ],
    ],
  },
  plant: {
    anchors: ['soil', 'sunny'],
    title: 'How to grow {t}',
    slots: [
      [
        [
          [
            'To grow healthy {t~plants}, choose a {sunny~bright} spot with good {soil~earth}.',
            'Choose a {sunny~bright} spot with good {soil~earth} to grow healthy {t~plants}.',
          ],
          [
            'If you want to grow {t~them}, find a {sunny~bright} place with soft {soil~earth}.',
            'Find a {sunny~bright} place with soft {soil~earth} for {t~them}.',
          ],
        ],
        [
          [
            'For strong {t~plants}, rich {soil~earth} and a {sunny~bright} corner are best.',
            'Rich {soil~earth} and a {sunny~bright} corner are best for strong {t~plants}.',
          ],
          [
            'Before you plant {t~them}, loosen the {soil~earth} in a {sunny~bright} place.',
            'Loosen the {soil~earth} in a {sunny~bright} place before you plant {t~them}.',
          ],
        ],
      ],
      [
        [
          'Water {t~them} in the morning and let the ground dry a little.',
          'Give them water in the morning but not too much.',
        ],
        [
          'Leave enough space so that the roots can spread.',
          'Enough space between {t~them} helps the roots to spread.',
        ],
      ],
      [
        [
          'Remove weeds early because they take water and light.',
          'Weeds take water and light from {t~them}.',
        ],
        [
          [
            'When the nights are cold, cover {t~them} with a light cloth.',
            'Cover {t~them} with a light cloth when the nights are cold.',
          ],
          [
            'If the wind is strong, give them a stick to lean on.',
            'Give them a stick to lean on when the wind is strong.',
          ],
        ],
      ],
      [
        [
          'Old leaves make good food for {t~them}.',
          'Feed {t~them} with old leaves from last year.',
        ],
        [
          'Look at the leaves often and remove the dry ones.',
          'Dry leaves should be removed before they cause trouble.',
        ],
      ],
      [
        [
          'Small insects are normal and many of them are useful.',
          'Many small insects are useful guests of {t~them}.',
        ],
        [
          [
            'If leaves turn yellow, try a little less water.',
            'Try a little less water when leaves turn yellow.',
          ],
          'Yellow leaves are often a sign of too much water.',
        ],
      ],
      [
        [
          'Be patient because good things need several weeks to grow.',
          'It takes several weeks before {t~they} look their best.',
        ],
        [
          'Other plants nearby can protect {t~them} from the wind.',
          'Good neighbors can protect {t~them} from wind and heat.',
        ],
      ],
      [
        [
          'Pick {t~them} at the right moment and with clean hands.',
          'The early morning is a good moment to pick {t~them}.',
        ],
        [
          'Write down what worked well for the next year.',
          'Keep a few notes about {t~them} for the next year.',
        ],
      ],
    ],
  },
  food: {
    anchors: ['fresh', 'kitchen'],
    title: 'How to make {t}',
    slots: [
      [
        [
          [
            'To make good {t~food}, use {fresh~fine} ingredients and clean the {kitchen~table}.',
            'Use {fresh~fine} ingredients and clean the {kitchen~table} to make good {t~food}.',
          ],
          [
            'If you want to make {t~this}, check your {kitchen~house} for {fresh~fine} ingredients.',
            'Check your {kitchen~house} for {fresh~fine} ingredients to make {t~this}.',
          ],
        ],
        [
          [
            'For tasty {t~food}, you need a calm {kitchen~place} and {fresh~fine} ingredients.',
            'You need a calm {kitchen~place} and {fresh~fine} ingredients for tasty {t~food}.',
          ],
          [
            'Before you make {t~this}, clear the {kitchen~table} and buy {fresh~fine} ingredients.',
            'Clear the {kitchen~table} and buy {fresh~fine} ingredients before you make {t~this}.',
          ],
        ],
      ],
      [
        [
          'Read a simple recipe for {t~it} from the beginning to the end.',
          'Follow a simple recipe and do not change it at first.',
        ],
        [
          'Measure everything before you go on with the next step.',
          'Put everything in small bowls so that nothing is forgotten.',
        ],
      ],
      [
        [
          'Mix the main parts slowly until they come together.',
          'Slow mixing gives {t~it} a better taste.',
        ],
        [
          ['If it looks too dry, add a little water.', 'Add a little water when it looks too dry.'],
          [
            'When it is too thick, add a spoon of water.',
            'Add a spoon of water when it is too thick.',
          ],
        ],
      ],
      [
        [
          'Taste {t~it} often and add only a little salt.',
          'Add only a little salt and taste {t~it} again.',
        ],
        [
          'Do not hurry because good flavor needs some time.',
          'Give {t~it} enough time to get a full flavor.',
        ],
      ],
      [
        [
          'Keep your hands and your tools clean all the time.',
          'Clean hands and clean tools are always important.',
        ],
        [
          ['When you feel sure, try some new spices.', 'Try some new spices when you feel sure.'],
          'Some new spices can make {t~it} more special.',
        ],
      ],
      [
        [
          'Serve {t~it} on a nice plate and share it with friends.',
          'Friends will enjoy {t~it} more on a nice plate.',
        ],
        [
          'Something green on the side looks nice and tastes good.',
          'Serve something green on the side of {t~it}.',
        ],
      ],
      [
        [
          'Keep what is left in a cold place for the next day.',
          'What is left of {t~it} will taste good the next day.',
        ],
        [
          'Write down your changes and try again next week.',
          'Each new try will make your {t~food} better.',
        ],
      ],
    ],
  },
  place: {
    anchors: ['visit', 'early'],
    title: 'A day at the {t}',
    slots: [
      [
        [
          [
            'To enjoy the {t~place}, plan your {visit~trip} well and come {early~soon}.',
            'Plan your {visit~trip} well and come {early~soon} to enjoy the {t~place}.',
          ],
          [
            'If you go to the {t~place}, {visit~see} it {early~soon} in the day.',
            'Come {early~soon} in the day when you {visit~see} the {t~place}.',
          ],
        ],
        [
          [
            'For a good day at the {t~place}, {visit~see} it {early~soon} and stay for a while.',
            'You can {visit~see} the {t~place} {early~soon} and stay for a while.',
          ],
          [
            'Before you {visit~see} the {t~place}, get up {early~soon} and pack a small bag.',
            'Get up {early~soon} and pack a small bag before you {visit~see} the {t~place}.',
          ],
        ],
      ],
      [
        [
          'Look at a map and choose what you want to see first.',
          'Good maps show you the most interesting parts of the {t~place}.',
        ],
        [
          'Check the weather and wear comfortable shoes.',
          'Wear comfortable shoes because you will walk a lot.',
        ],
      ],
      [
        [
          'Take some water and a small meal with you.',
          'Pack some water and a small meal for the way.',
        ],
        [
          [
            'When there are many people, look for a quiet corner.',
            'Look for a quiet corner when there are many people.',
          ],
          [
            'If you feel tired, sit down and enjoy the view.',
            'Sit down and enjoy the view when you feel tired.',
          ],
        ],
      ],
      [
        [
          'Walk slowly and look at the small details around you.',
          'The small details make the {t~place} special.',
        ],
        [
          'Local guides can tell you old stories about the {t~place}.',
          'Ask a local guide to tell you some old stories.',
        ],
      ],
      [
        [
          'Take a few pictures and then put your phone away.',
          'Some pictures of the {t~place} will help you to remember.',
        ],
        [
          [
            'If you travel with children, plan a few breaks.',
            'Plan a few breaks when you travel with children.',
          ],
          'Children often like the {t~place} when there are enough breaks.',
        ],
      ],
      [
        [
          'Be polite to the people who work or rest there.',
          'The people who work at the {t~place} are happy to help.',
        ],
        [
          'Take your trash home and leave everything clean.',
          'Leave the {t~place} as clean as you found it.',
        ],
      ],
      [
        [
          'Leave before dark and tell someone your way home.',
          'Go home before dark and get some rest.',
        ],
        [
          'Talk about your day at the {t~place} with your family.',
          'You may want to come back in another season.',
        ],
      ],
    ],
  },
  tool: {
    anchors: ['choose', 'strong'],
    title: 'The right {t} for you',
    slots: [
      [
        [
          [
            'When you {choose~buy} a {t~new one}, look for {strong~good} parts and a fair price.',
            'Look for {strong~good} parts and a fair price when you {choose~buy} a {t~new one}.',
          ],
          [
            'To find a good {t~one}, {choose~take} one that is {strong~solid} and easy to use.',
            'You should {choose~take} a {t~new one} that is {strong~solid} and easy to use.',
          ],
        ],
        [
          [
            'If you need a {t~new one}, {choose~take} a {strong~solid} one that fits your plans.',
            'You can {choose~take} a {strong~solid} {t~one} that fits your plans.',
          ],
          [
            'Before you {choose~buy} a {t~new one}, ask how {strong~solid} it has to be.',
            'Ask how {strong~solid} a {t~new one} has to be before you {choose~buy} it.',
          ],
        ],
      ],
      [
        [
          'Think about where and how often you will use it.',
          'Your daily needs decide which {t~one} is right for you.',
        ],
        [
          'Hold a {t~new one} in your hands before you pay for it.',
          'Touch it and feel its weight before you pay.',
        ],
      ],
      [
        [
          'Compare a few models and read what other people say.',
          'Other people can tell you which {t~one} works well.',
        ],
        [
          [
            'If you are not sure, ask for help in a small shop.',
            'Ask for help in a small shop when you are not sure.',
          ],
          [
            'When two models look the same, take the simple one.',
            'Take the simple one when two models look the same.',
          ],
        ],
      ],
      [
        [
          'Read the short guide that comes with your {t~new one}.',
          'The short guide shows you how to use it well.',
        ],
        [
          'Good materials last longer than cheap ones.',
          'Good materials make a {t~new one} last for many years.',
        ],
      ],
      [
        [
          'Keep it clean and dry after you use it.',
          'Clean your {t~new one} with a soft cloth after use.',
        ],
        [
          ['When a part is loose, fix it before it breaks.', 'Fix a loose part before it breaks.'],
          'Small problems with a {t~new one} are often easy to fix.',
        ],
      ],
      [
        [
          'Store it in a safe place away from small children.',
          'Find a safe and dry place for your {t~new one}.',
        ],
        [
          'You can also borrow one from a friend for a week.',
          'An old {t~one} from a friend can be good enough.',
        ],
      ],
      [
        ['Check all parts once a year and clean them well.', 'Check your {t~new one} once a year.'],
        [
          'With good care your {t~new one} will help you for years.',
          'Good care saves money and helps nature.',
        ],
      ],
    ],
  },
  job: {
    anchors: ['people', 'work'],
    title: 'The daily life of {t}',
    slots: [
      [
        [
          [
            'In most towns, {t~they} {work~try} hard to help other {people~folks}.',
            'Most {t~of them} {work~try} hard to help other {people~folks}.',
          ],
          [
            'Every day, {t~they} do useful {work~things} for many {people~folks}.',
            'You can see how {t~they} do useful {work~things} for many {people~folks}.',
          ],
        ],
        [
          [
            'As many {people~folks} know, {t~they} {work~act} with skill and care.',
            'Many {people~folks} know that {t~they} {work~act} with skill and care.',
          ],
          [
            'To do their {work~job} well, {t~they} listen to what {people~others} need.',
            'Good {t~ones} listen to what {people~others} need and do their {work~job} well.',
          ],
        ],
      ],
      [
        [
          'They plan the day early and prepare their tools.',
          'For {t~them} the day begins with a plan and good tools.',
        ],
        [
          'They need years of training before they do it alone.',
          'Long training helps {t~them} to do things right.',
        ],
      ],
      [
        [
          'They stay calm and solve one problem after another.',
          'Calm thinking helps {t~them} to solve hard problems.',
        ],
        [
          [
            'When something goes wrong, they look for a simple answer.',
            'They look for a simple answer when something goes wrong.',
          ],
          [
            'If there is a problem, {t~they} ask others for advice.',
            'Many {t~of them} ask others for advice when there is a problem.',
          ],
        ],
      ],
      [
        [
          'Clear words are important because others trust {t~them}.',
          'Others trust {t~them} because they use clear words.',
        ],
        [
          'They learn new things every year to get better.',
          'Every year brings new things that {t~they} have to learn.',
        ],
      ],
      [
        ['Some days are long and a good break is important.', 'Long days can make {t~them} tired.'],
        [
          [
            'When they are in a team, they share the hard tasks.',
            'They share the hard tasks when they are in a team.',
          ],
          'In a good team {t~they} share the hard tasks.',
        ],
      ],
      [
        [
          'Safe and clean habits protect {t~them} and their guests.',
          'They follow safe and clean habits at all hours.',
        ],
        [
          'Modern tools make many tasks easier for {t~them}.',
          'With modern tools they can do many tasks faster.',
        ],
      ],
      [
        [
          'Kind words at the end of the day make {t~them} happy.',
          'They are happy when someone says thank you.',
        ],
        [
          'Young students can learn a lot by watching {t~them}.',
          'Talk to {t~them} and you will learn a lot.',
        ],
      ],
    ],
  },
};
