/** How the matrices of a model are kept in memory; arithmetic is in float32 throughout. */
export const WEIGHT_DTYPES = ['float32', 'bfloat16', 'float16'] as const;
export type WeightDtype = (typeof WEIGHT_DTYPES)[number];
