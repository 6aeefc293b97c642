/** Numbers as the page shows them: strengths as multiples of a norm, colours' shares, few digits. */
import type { Weight } from '../../vectors/weight';

/** The slider of a strength goes this many norms to either side. */
export const MOST_NORMS = 3;

/** A weight as a multiple of the vector's norm. */
export function multipleOf(weight: Weight, norm: number): number {
  if (typeof weight === 'string') return Number.parseFloat(weight);
  return norm > 0 ? weight / norm : 0;
}

/** `1.5x`, without what floating point adds to the decimals of a slider. */
export const weightOf = (multiple: number): Weight => `${plain(multiple)}x` as Weight;

const plain = (value: number) => {
  const rounded = Number(value.toFixed(4));
  return Object.is(rounded, -0) ? 0 : rounded;
};

/**
 * What a colour scale ends at: |value| of nearly all (98 %), so that a few huge ones, as at a first
 * token, do not leave all others pale. 1 where there are none but zeros.
 */
export function scaleEnd(values: number[]): number {
  const sizes = values.map(Math.abs).filter(Number.isFinite);
  sizes.sort((a, b) => a - b);
  const end = sizes[Math.ceil(0.98 * sizes.length) - 1] || sizes.at(-1);
  return end || 1;
}

/** How far a value lies towards the end of its scale: 0 to 1. */
export const shareOf = (value: number, end: number): number =>
  Number.isFinite(value) ? Math.min(1, Math.abs(value) / end) : 0;

/**
 * Three digits, or two beside a power of ten, with the minus sign of prose: at most seven characters
 * between 1e-9 and 1e9, which a cell of the heat map has room for.
 */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const digits =
    size !== 0 && (size < 0.01 || size >= 99_950)
      ? value.toExponential(1)
      : String(Number(value.toPrecision(3)));
  return digits.replace(/^-(?=0$)/, '').replaceAll('-', '−');
}

/** A token's text with its white space to be seen. */
export const visible = (text: string): string =>
  text === '' ? '∅' : text.replaceAll('\n', '⏎').replaceAll('\t', '⇥').replace(/^ | $/g, '␣');
