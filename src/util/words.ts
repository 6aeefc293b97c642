import { parseArgs } from 'node:util';
import { didYouMean, InputError } from './errors';

/** The options of a program, by name without dashes. */
export interface KnownOptions {
  /** Those with a value: `--name value` or `--name=value`. */
  values: readonly string[];
  /** Those with a value that may be given several times. */
  lists?: readonly string[];
  /** Those without. */
  flags: readonly string[];
  /** Short names of flags: `{ help: 'h' }`. */
  short?: Readonly<Record<string, string>>;
}

/** What stands on a command line. */
export interface Words {
  /** The value of an option; true for a flag. */
  options: Record<string, string | true>;
  /** The values of options that may be given several times, in their order. */
  lists: Record<string, string[]>;
  /** The words that belong to no option, and all that follow `--`. */
  positionals: string[];
}

/**
 * Reads the words of a command line. Values stay text (`007`, `1.0`). A word that begins with a dash
 * is a value where it is a number (`--temperature -1`) or attached (`--reference=-x`).
 * @param who for messages: the program, or its command
 * @throws InputError for an option that is not known, lacks its value, or is given twice
 */
export function readWords(who: string, words: string[], known: KnownOptions): Words {
  const { lists: several = [], flags, short = {} } = known;
  const values = [...known.values, ...several];
  const declared = [
    ...values.map((name) => [name, { type: 'string' as const }] as const),
    ...flags.map((name) => {
      const letter = short[name] ? { short: short[name] } : {};
      return [name, { type: 'boolean' as const, ...letter }] as const;
    }),
  ];
  const parsed = parseArgs({
    args: words,
    strict: false,
    tokens: true,
    options: Object.fromEntries(declared),
  });
  const options: Words['options'] = {};
  const lists: Words['lists'] = {};
  for (const token of parsed.tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    if (!namesOf(known).includes(name)) throw unknownOption(who, rawName, known);
    if (Object.hasOwn(options, name)) throw new InputError(`${rawName} must be given once.`);
    if (flags.includes(name)) {
      if (value !== undefined) throw new InputError(`${rawName} takes no value.`);
      options[name] = true;
    } else {
      if (value === undefined || (!inlineValue && /^-[^\d.]/.test(value))) {
        throw new InputError(`${rawName} needs a value: ${rawName}=...`);
      }
      if (several.includes(name)) lists[name] = [...(lists[name] ?? []), value];
      else options[name] = value;
    }
  }
  return { options, lists, positionals: parsed.positionals };
}

const namesOf = ({ values, lists = [], flags }: KnownOptions) => [...values, ...lists, ...flags];

function unknownOption(who: string, rawName: string, known: KnownOptions): InputError {
  const hint =
    didYouMean(rawName.replace(/^-+/, ''), namesOf(known)) ||
    ' Words that begin with a dash go last, after " -- ".';
  return new InputError(`${who} has no option ${rawName}.${hint} See --help.`);
}
