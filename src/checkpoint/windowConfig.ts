/** Which blocks see a window and which see everything, as config.json says it. */
import type { ModelConfig } from './configJson';

/** The words of `layer_types`. */
export const SLIDING = 'sliding_attention';
export const FULL = 'full_attention';

/**
 * The window of each block by `layer_types`; null: it sees everything.
 * @param slides whether block l has the window where the file has no list
 * @throws InputError where a block is to slide and there is no window
 */
export function readWindows(
  file: ModelConfig,
  nLayers: number,
  window: number | null,
  slides: (l: number) => boolean,
): (number | null)[] {
  const kinds = file.words('layer_types', nLayers, [SLIDING, FULL] as const);
  if (window === null && kinds?.includes(SLIDING)) {
    file.refuse('layer_types', `without "${SLIDING}", for there is no window`);
  }
  return Array.from({ length: nLayers }, (_, l) =>
    (kinds ? kinds[l] === SLIDING : slides(l)) ? window : null,
  );
}

/**
 * Windows as Qwen's files have them: with `use_sliding_window`, the blocks from `max_window_layers` on
 * see `sliding_window` columns; without it, all see everything.
 */
export function readUpperWindows(file: ModelConfig, nLayers: number): (number | null)[] {
  const given = file.countOrNull('sliding_window', 4096);
  const first = file.wholeNumber('max_window_layers', 28);
  const window = file.flag('use_sliding_window', false) ? given : null;
  return readWindows(file, nLayers, window, (l) => l >= first);
}
