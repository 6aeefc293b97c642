/** What the page holds, as the fragment of its address: reload and links give the same page. */
import type { PairsOfVector, PlaygroundSettings } from '../protocol';
import { DEFAULTS } from './defaults';

export interface PageState {
  settings: PlaygroundSettings;
  /** Vectors made on the spot, which are made anew on load; `id` is what `settings.steer` calls them. */
  made: MadeVector[];
  /** Whether a released slider runs anew. */
  auto: boolean;
}

export interface MadeVector extends PairsOfVector {
  id: string;
}

/** Longer addresses are cut by programs that pass them on. */
const MOST_CHARACTERS = 8000;

/**
 * The fragment, without its #. Of the vectors made on the spot, as many as there is room for, in their
 * order; `left` are the others.
 */
export function writeFragment(state: PageState): { fragment: string; left: MadeVector[] } {
  const { settings } = state;
  const words = new URLSearchParams();
  words.set('prompt', settings.prompt);
  if (settings.system) words.set('system', settings.system);
  if (settings.style) words.set('style', settings.style);
  for (const [key, name] of NUMBERS) {
    if (settings[key] !== DEFAULTS[key]) words.set(name, String(settings[key]));
  }
  if (!state.auto) words.set('auto', 'no');
  for (const spec of settings.steer) words.append('steer', JSON.stringify(spec));
  const left = state.made.filter((vector) => {
    const before = words.toString();
    const more = new URLSearchParams([['made', JSON.stringify(vector)]]).toString();
    if (before.length + 1 + more.length > MOST_CHARACTERS) return true;
    words.append('made', JSON.stringify(vector));
    return false;
  });
  return { fragment: words.toString(), left };
}

const NUMBERS = [
  ['maxNewTokens', 'tokens'],
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['seed', 'seed'],
] as const;

/** What a fragment says, the default where it says nothing; and in words what can't be read. */
export function readFragment(fragment: string): { state: PageState; problems: string[] } {
  const words = new URLSearchParams(fragment.replace(/^#/, ''));
  const problems: string[] = [];
  const numbers = NUMBERS.map(([key, name]) => {
    const text = words.get(name);
    const value = Number(text);
    if (text === null || (text.trim() !== '' && Number.isFinite(value))) {
      return [key, text === null ? DEFAULTS[key] : value];
    }
    problems.push(`"${text}" is no number for ${name}; it is ${DEFAULTS[key]} now.`);
    return [key, DEFAULTS[key]];
  });
  const list = <T>(name: string, what: string, fits: (value: T) => boolean): T[] =>
    words.getAll(name).flatMap((text) => {
      try {
        const value = JSON.parse(text);
        if (typeof value === 'object' && value && fits(value)) return [value];
      } catch {
        // Told below.
      }
      problems.push(`The address holds ${what} that can't be read: ${text}`);
      return [];
    });
  const isText = (value: unknown) => typeof value === 'string' && value !== '';
  const system = words.get('system');
  const style = words.get('style') as PlaygroundSettings['style'] | null;
  return {
    state: {
      settings: {
        prompt: words.get('prompt') ?? DEFAULTS.prompt,
        ...(system && { system }),
        ...(style && { style }),
        steer: list<PlaygroundSettings['steer'][number]>('steer', 'a vector', ({ file }) =>
          isText(file),
        ),
        ...(Object.fromEntries(numbers) as Pick<PlaygroundSettings, (typeof NUMBERS)[number][0]>),
      },
      made: list<MadeVector>(
        'made',
        'pairs',
        ({ id, name, method, pairs }) =>
          [id, name, method].every(isText) &&
          Array.isArray(pairs) &&
          pairs.every((pair) => isText(pair?.positive) && isText(pair?.negative)),
      ),
      auto: words.get('auto') !== 'no',
    },
    problems,
  };
}
