/** Scripts of the shape that the authors' have, with words of our own. */

const list = (count: number, word: (i: number) => string) =>
  `[${Array.from({ length: count }, (_, i) => JSON.stringify(` ${word(i)}`)).join(', ')}]`;

export const LENGTH_SCRIPT = `# %%
import json

@hydra.main(config_path=config_path, config_name='some name')
def compute(args):
    frame = frame.drop(columns=['a b', 'c d'])
    kinds = ['detectable_format', 'language']
    if args.constraint_type == 'sentences':
        lone = ${list(4, (i) => `Say it once, way ${i}.`)}
        some = ${list(4, (i) => `Say it {} times, way ${i}.`)}
        instr = some[0].format(n)
    elif args.constraint_type == 'high-level':
        tiniest = [' Don\\'t talk.', " A \\"word\\".",  # both quotes
                   ' Hush.', ' Three {{braces}}.', ' Still' ' less.', ' Nearly nothing.', ' One breath.']
        tiny = ${list(7, (i) => `Tiny it is, ${i}.`)}
        middling = ${list(4, (i) => `Middling it is, ${i}.`)}
        long = ${list(4, (i) => `Long it is, ${i}.`)}
        longest = ${list(4, (i) => `Longest it is, ${i}.`)}
        all_of_them = [tiniest, tiny, middling, long, longest]
    print(f'{len(rows)} rows of {args.n_examples}')
`;

export const EVALUATION_SCRIPT = `
def run(args):
    for n_sent in range(1, 6):
        if args.constraint_type == 'at_least':
            constr = 'at least'
        elif args.constraint_type == 'at_most':
            constr = 'at most'
        else:
            constr = 'exactly'
        if n_sent == 1:
            instr = f' Speak {constr} one time.'
        else:
            instr = f' Speak {constr} {n_sent} times.'
        example = f'Q: {r["prompt"]}\\nA:'
    folder = f'out/{args.constraint_type}_{args.steering}'
`;

export const KEYWORD_SCRIPT = `
def compute(args):
    """Some words about it, ' and "."""
    phrasings_exclude = ${list(6, (i) => `Never say "{}", way ${i}.`)}
    phrasings_include = ${list(5, (i) => `Do say {}, way ${i}.`)}
    if args.word_list == ['one list']:
        pass
`;

const REPOSITORY = 'microsoft/llm-steer-instruct';
export const PINNED = '7c8ead8ac185965998da654ab83b432d6b5aae0a';

/** Their places, under a host of raw files. */
export const scriptFiles = (revision = PINNED): Record<string, string> => ({
  [`${REPOSITORY}/${revision}/length/compute_representations.py`]: LENGTH_SCRIPT,
  [`${REPOSITORY}/${revision}/length/evaluate.py`]: EVALUATION_SCRIPT,
  [`${REPOSITORY}/${revision}/keywords/compute_representations.py`]: KEYWORD_SCRIPT,
});

/** The same by the names that they had before. */
export const olderScriptFiles = (revision = PINNED): Record<string, string> => ({
  [`${REPOSITORY}/${revision}/length/compute_length_representations.py`]: LENGTH_SCRIPT,
  [`${REPOSITORY}/${revision}/length/evaluate_length_constraints.py`]: EVALUATION_SCRIPT,
  [`${REPOSITORY}/${revision}/keywords/compute_keywords_representations.py`]: KEYWORD_SCRIPT,
});
