/** Which files of a model folder may be read: what is fetched, and what a model's mark is made of. */

/** Config and tokenizer: all that is read of a model besides its weights. */
export const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
];

export const SINGLE_WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';

/**
 * The parts of a file that a model's mark is made of, [from, to): up to 64 MiB all of it; of a larger
 * one 64 evenly spaced blocks of 64 KiB, so that 20 GB take a moment.
 */
export function markedParts(size: number): [number, number][] {
  if (size <= 64 * 2 ** 20) return [[0, size]];
  return Array.from({ length: 64 }, (_, i) => {
    const from = Math.floor((i * (size - BLOCK)) / 63);
    return [from, from + BLOCK];
  });
}
const BLOCK = 64 * 1024;

/** Whether a file of that name may be read when its folder is loaded. */
export const isModelFile = (name: string): boolean =>
  SMALL_FILES.includes(name) || name === WEIGHTS_INDEX || name.endsWith('.safetensors');
