export const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The middle value; of an even number of them, the mean of the two in the middle. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}
