/** One function a kind of picture: data in, vega-lite out. */
export { type ChartCell, cellsChart } from './cellsChart';
export { type Change, changeBars } from './changeBars';
export { type Distribution, type DistributionOptions, distribution } from './distribution';
export { type Bar, type GroupedBarsOptions, groupedBars } from './groupedBars';
export { type HeatMap, heatMap } from './heatMap';
export { type LayerCurveOptions, type LayerPoint, layerCurve } from './layerCurve';
export { type PcaPoint, type PcaScatterOptions, pcaScatter } from './pcaScatter';
export { type ScatterOptions, type ScatterPoint, scatter } from './scatter';
export type { AxisOf, Interval, Spec } from './spec';
export { type WeightCurveOptions, type WeightPoint, weightCurve } from './weightCurve';
