/** Layers that most decoders on the Hub have alike, under the names that they have there. */
import type { GatedMlpWeights } from '../nn/gatedMlp';
import type { LinearLayer } from '../nn/linear';
import type { WeightSource } from './weights';

/** @param name of the layer, without `.weight` */
export const linearLayer = (
  w: WeightSource,
  name: string,
  inner: number,
  outer: number,
  hasBias = false,
): LinearLayer => ({
  weight: w.linear(`${name}.weight`, inner, outer),
  bias: hasBias ? w.bias(`${name}.bias`, outer) : undefined,
});

interface AttentionSizes {
  dModel: number;
  nHeads: number;
  kvHeads: number;
  headDim: number;
}

/** Queries, keys, values and output of grouped-query attention: four layers. */
export const attentionLayers = (
  w: WeightSource,
  at: string,
  { dModel, nHeads, kvHeads, headDim }: AttentionSizes,
  { qkvBias = false, outputBias = false } = {},
) => ({
  qProj: linearLayer(w, `${at}.q_proj`, dModel, nHeads * headDim, qkvBias),
  kProj: linearLayer(w, `${at}.k_proj`, dModel, kvHeads * headDim, qkvBias),
  vProj: linearLayer(w, `${at}.v_proj`, dModel, kvHeads * headDim, qkvBias),
  oProj: linearLayer(w, `${at}.o_proj`, nHeads * headDim, dModel, outputBias),
});

/** The three layers of `gatedMlp`. */
export const gatedMlpLayers = (
  w: WeightSource,
  at: string,
  { dModel, intermediateSize }: { dModel: number; intermediateSize: number },
  hasBias = false,
): GatedMlpWeights => ({
  gateProj: linearLayer(w, `${at}.gate_proj`, dModel, intermediateSize, hasBias),
  upProj: linearLayer(w, `${at}.up_proj`, dModel, intermediateSize, hasBias),
  downProj: linearLayer(w, `${at}.down_proj`, intermediateSize, dModel, hasBias),
});
