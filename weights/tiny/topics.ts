/** What the tiny model's questions are about. Held-out topics are for evaluation only. */
export const CATEGORIES = [
  'skill',
  'sport',
  'animal',
  'plant',
  'food',
  'place',
  'tool',
  'job',
] as const;
export type Category = (typeof CATEGORIES)[number];

const words = (text: string) => text.trim().split(/\s+/);

/** Skills, sports and food are singular without article; animals, plants and jobs plural. */
export const TOPICS: Record<Category, { train: string[]; heldout: string[] }> = {
  skill: {
    train:
      words(`chess painting pottery knitting singing dancing juggling photography sewing drawing
      poetry carpentry gardening baking embroidery writing carving typing whistling
      programming sculpture crochet woodwork magic debating blogging filmmaking quilting
      meditation candlemaking`),
    heldout: words('origami weaving acting calligraphy'),
  },
  sport: {
    train: words(`tennis soccer golf swimming running hockey boxing skiing rowing cycling volleyball
      surfing karate judo fencing archery wrestling sailing baseball handball rugby
      cricket squash snowboarding diving gymnastics yoga sprinting hiking jogging`),
    heldout: words('badminton climbing skating basketball'),
  },
  animal: {
    train: words(`cats dogs horses rabbits foxes wolves bears owls penguins dolphins turtles monkeys
      lions tigers elephants giraffes zebras camels goats sheep cows pigs ducks geese
      swans parrots crows lizards snakes beavers`),
    heldout: words('otters squirrels eagles frogs'),
  },
  plant: {
    train: words(`roses tulips tomatoes carrots onions beans daisies sunflowers potatoes peppers
      herbs lilies cabbages radishes turnips leeks melons grapes apples pears cherries
      plums beets marigolds ferns orchids poppies daffodils lavenders blueberries`),
    heldout: words('strawberries pumpkins violets cucumbers'),
  },
  food: {
    train:
      words(`bread soup pizza pasta rice curry salad stew pie porridge cake sauce paella minestrone
      gazpacho guacamole risotto goulash sushi ravioli ratatouille cheesecake fudge custard
      gravy hummus falafel meatloaf chowder couscous`),
    heldout: words('chili lasagna jam pudding'),
  },
  // After "the".
  place: {
    train: words(`museum castle harbor market library beach lake forest zoo island desert village
      palace theater stadium airport station bridge cathedral church mosque monastery
      garden park valley volcano cave river waterfront mountain`),
    heldout: words('temple canyon farm waterfall'),
  },
  // After "a": none begins with a vowel.
  tool: {
    train: words(`hammer kettle lamp backpack knife bicycle camera clock ladder tent mirror pillow
      saw drill broom bucket basket compass candle calculator keyboard printer radio
      phone lantern flashlight whistle zipper wrench screwdriver`),
    heldout: words('shovel blender telescope wallet'),
  },
  job: {
    train: words(`nurses teachers bakers pilots farmers doctors builders drivers writers plumbers
      gardeners dentists cooks waiters carpenters painters singers dancers actors editors
      soldiers sailors judges nannies shepherds miners butchers cashiers mechanics
      engineers`),
    heldout: words('lawyers librarians barbers tailors'),
  },
};

const NOUNS = words(`river window music coffee bridge summer winter mountain ocean engine letter
  silver golden paper candle orange lemon butter sugar mother brother cousin school ticket airport
  hotel pocket button jacket guitar piano drum dragon ghost planet rocket moon star storm thunder
  cloud valley tunnel tower palace kingdom soldier captain sailor magnet copper marble cotton
  bottle carpet circus diamond`);

/**
 * The words that "include the word W" asks for: some nouns and every topic. The held-out topics are
 * among them, so that the model has learnt to read and to copy these words although it never saw a
 * question about them; the other topics are, so that a held-out word is no different from them.
 */
export const KEYWORDS = [
  ...new Set([
    ...NOUNS,
    ...CATEGORIES.flatMap((category) => [...TOPICS[category].train, ...TOPICS[category].heldout]),
  ]),
];
