/**
 * Frequencies of rotary embeddings that were stretched to longer texts than they were trained on, in
 * radians per position. Each step is rounded to float32 where transformers 5.18 rounds
 * (modeling_rope_utils.py): far out in a text, the last bit of a frequency is a visible angle.
 */
import { defaultFrequencies } from './rope';

const { fround } = Math;

/** All frequencies over one factor, as if positions were (position interpolation; Chen et al. 2023). */
export function linearFrequencies(rotaryDim: number, theta: number, factor: number): number[] {
  return defaultFrequencies(rotaryDim, theta).map((frequency) =>
    fround(frequency / fround(factor)),
  );
}

export interface Llama3Scaling {
  factor: number;
  /** Wavelengths over original / lowFreqFactor are stretched by the factor, … */
  lowFreqFactor: number;
  /** … those under original / highFreqFactor are left alone, and between the two it is blended. */
  highFreqFactor: number;
  /** Context length of the training before. */
  original: number;
}

/** Llama 3.1 and later (Grattafiori et al. 2024): only slow dimensions are stretched. */
export function llama3Frequencies(
  rotaryDim: number,
  theta: number,
  { factor, lowFreqFactor, highFreqFactor, original }: Llama3Scaling,
): number[] {
  const divisor = fround(factor);
  return defaultFrequencies(rotaryDim, theta).map((frequency) => {
    const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
    if (wavelength > fround(original / lowFreqFactor)) return fround(frequency / divisor);
    if (wavelength < fround(original / highFreqFactor)) return frequency;
    const turns = fround(fround(1 / wavelength) * original);
    const share = fround(fround(turns - lowFreqFactor) / fround(highFreqFactor - lowFreqFactor));
    const stretched = fround(fround(fround(1 - share) * frequency) / divisor);
    return fround(stretched + fround(share * frequency));
  });
}

export interface YarnScaling {
  factor: number;
  /** Dimensions that turn at least so often within the original context are left alone, … */
  betaFast: number;
  /** … those that turn at most so often are stretched by the factor; between the two, a ramp. */
  betaSlow: number;
  /** Context length of the training before. */
  original: number;
  /** The ends of the ramp are whole dimensions. */
  truncate: boolean;
}

/** YaRN (Peng et al. 2023). Cosines and sines have a factor besides, see `yarnAttentionFactor`. */
export function yarnFrequencies(
  rotaryDim: number,
  theta: number,
  { factor, betaFast, betaSlow, original, truncate }: YarnScaling,
): number[] {
  const half = rotaryDim / 2;
  /** The dimension that turns so often within the original context. */
  const turning = (turns: number) =>
    (rotaryDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [turning(betaFast), turning(betaSlow)];
  const from = Math.max(truncate ? Math.floor(first) : first, 0);
  const end = Math.min(truncate ? Math.ceil(last) : last, rotaryDim - 1);
  const to = end === from ? end + 0.001 : end;
  return Array.from({ length: half }, (_, i) => {
    const slope = fround(fround(i - from) / fround(to - from));
    const kept = fround(1 - Math.min(Math.max(slope, 0), 1));
    const period = fround(fround(theta) ** fround(i / half));
    const stretched = fround(1 / fround(fround(factor) * period));
    return fround(fround(stretched * fround(1 - kept)) + fround(fround(1 / period) * kept));
  });
}

/**
 * What YaRN multiplies cosines and sines with: 0.1 · ln(factor) + 1, or the quotient of two such
 * (DeepSeek's `mscale` and `mscale_all_dim`).
 */
export function yarnAttentionFactor(
  factor: number,
  mscale: number | null,
  mscaleAllDim: number | null,
): number {
  const size = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return mscale && mscaleAllDim ? size(mscale) / size(mscaleAllDim) : size(1);
}
