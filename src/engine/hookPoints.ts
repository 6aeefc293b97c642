/**
 * The named points of a decoder: what they are called (as in TransformerLens), and which tensor stands
 * there. docs/hooks.md has them in a table, with what differs from TransformerLens.
 */
import { checkCount, refuse } from '../util/check';
import { didYouMean, InputError } from '../util/errors';

/** Letters of a shape: src/nn/README.md. */
type Axis = 'B' | 'T' | 'S' | 'H' | 'K' | 'd' | 'D' | 'F';

interface Point {
  shape: readonly Axis[];
  /** What the tensor is, for a reader of a table. */
  meaning: string;
}

/** Every point of a block, in the order in which they are passed. */
const BLOCK_POINTS = {
  hook_resid_pre: { shape: ['B', 'T', 'D'], meaning: 'stream before the block' },
  'attn.hook_q': { shape: ['B', 'T', 'H', 'd'], meaning: 'queries, not yet rotated' },
  'attn.hook_k': { shape: ['B', 'T', 'K', 'd'], meaning: 'keys, not yet rotated' },
  'attn.hook_v': { shape: ['B', 'T', 'K', 'd'], meaning: 'values' },
  'attn.hook_attn_scores': { shape: ['B', 'H', 'T', 'S'], meaning: 'scaled, capped, masked' },
  'attn.hook_pattern': { shape: ['B', 'H', 'T', 'S'], meaning: 'softmax of the scores' },
  'attn.hook_z': { shape: ['B', 'T', 'H', 'd'], meaning: 'heads, before W_O' },
  hook_attn_out: { shape: ['B', 'T', 'D'], meaning: 'what attention adds' },
  hook_resid_mid: { shape: ['B', 'T', 'D'], meaning: 'stream after attention' },
  'mlp.hook_post': { shape: ['B', 'T', 'F'], meaning: 'neurons, before W_out' },
  hook_mlp_out: { shape: ['B', 'T', 'D'], meaning: 'what the MLP adds' },
  hook_resid_post: { shape: ['B', 'T', 'D'], meaning: 'stream after the block' },
} as const satisfies Record<string, Point>;

const EMBED = { shape: ['B', 'T', 'D'], meaning: 'what block 0 gets' } as const;
const NORMALIZED = { shape: ['B', 'T', 'D'], meaning: 'what the output layer gets' } as const;

/** A named point of a block. */
export type BlockPoint = keyof typeof BLOCK_POINTS;

/** The point after the final norm. */
export const FINAL_NORM = 'ln_final.hook_normalized';

const blockPoint = (layer: number | string, point: BlockPoint) => `blocks.${layer}.${point}`;

/** Every hook point of a decoder with `nLayers` blocks, in the order in which they are passed. */
export function hookNames(nLayers: number): string[] {
  checkCount('hookNames: nLayers', nLayers);
  const points = Object.keys(BLOCK_POINTS) as BlockPoint[];
  const blocks = Array.from({ length: nLayers }, (_, l) => points.map((p) => blockPoint(l, p)));
  return ['hook_embed', ...blocks.flat(), FINAL_NORM];
}

/** `blocks.{layer}.hook_resid_post`: the residual stream after a block, steering included. */
export function residPost(layer: number): `blocks.${number}.hook_resid_post` {
  checkCount('residPost: layer', layer);
  return `blocks.${layer}.hook_resid_post`;
}

/** A row of the table of a model's points. */
export interface HookRow {
  /** `blocks.L.attn.hook_q`: one row for all blocks. */
  name: string;
  /** What `hookName` takes for it: `q`. */
  shorthand: string;
  /** `batch`, `pos` and `key` (the columns seen) by name, the rest in numbers. */
  shape: (string | number)[];
  meaning: string;
}

type Size = 'nLayers' | 'nHeads' | 'kvHeads' | 'headDim' | 'dModel' | 'intermediateSize';

/** The hook points of a model of these sizes (`ModelDims`), one row for all its blocks. */
export function hookTable(dims: Record<Size, number>): HookRow[] {
  const { nHeads: H, kvHeads: K, headDim: d, dModel: D, intermediateSize: F } = dims;
  const sizes: Record<Axis, string | number> = { B: 'batch', T: 'pos', S: 'key', H, K, d, D, F };
  const row = (name: string, shorthand: string, { shape, meaning }: Point): HookRow => {
    return { name, shorthand, shape: shape.map((axis) => sizes[axis]), meaning };
  };
  return [
    row('hook_embed', 'embed', EMBED),
    ...Object.entries(BLOCK_POINTS).map(([point, about]) =>
      row(blockPoint('L', point as BlockPoint), shorthandOf(point), about),
    ),
    row(FINAL_NORM, 'normalized', NORMALIZED),
  ];
}

/** `attn.hook_q` → `q`; `mlp.hook_post` → `mlp_post`, beside `resid_post`. */
const shorthandOf = (point: string) =>
  point === 'mlp.hook_post' ? 'mlp_post' : point.slice(point.indexOf('hook_') + 5);

const BY_SHORTHAND = new Map(
  (Object.keys(BLOCK_POINTS) as BlockPoint[]).map((point) => [shorthandOf(point), point]),
);

/** Other words that TransformerLens's `get_act_name` takes. */
const ALIASES: Record<string, string> = {
  ...{ query: 'q', key: 'k', value: 'v', attn: 'pattern', attn_logits: 'attn_scores' },
  post: 'mlp_post',
};

/** Points that TransformerLens has and Tiller has not. */
const NOT_HERE = [
  ...['pre', 'pre_linear', 'mlp_pre', 'mid', 'mlp_mid', 'result', 'rot_q', 'rot_k', 'scale'],
  ...['pos_embed', 'attn_in', 'mlp_in', 'q_input', 'k_input', 'v_input', 'tokens'],
];

/**
 * The full name of a point by its shorthand, as `get_act_name` of TransformerLens:
 * `hookName('q', 3)` and `hookName('q3')` are `blocks.3.attn.hook_q`, `hookName('mlp_post', 3)` is
 * `blocks.3.mlp.hook_post`, `hookName('embed')` is `hook_embed`, `hookName('normalized')` is
 * `ln_final.hook_normalized`. A full name is returned as it is.
 * @throws InputError for a word that names no point, or a layer missing or too much
 */
export function hookName(name: string, layer?: number): string {
  if (typeof name !== 'string') refuse('hookName: name', name, "a word such as 'q'");
  if (layer === undefined && fullName(name)) return name;
  const [, word, digits] = /^([a-z_]+?)(\d*)$/.exec(name) ?? [];
  if (word === undefined || (digits && layer !== undefined)) unknown(name);
  const short = ALIASES[word.replace(/^hook_/, '')] ?? word.replace(/^hook_/, '');
  const at = digits ? Number(digits) : layer;
  if (short === 'embed' || short === 'normalized') {
    if (at === undefined) return short === 'embed' ? 'hook_embed' : FINAL_NORM;
    throw new InputError(`hookName: "${short}" is no point of a block; leave the layer out.`);
  }
  const point = BY_SHORTHAND.get(short);
  if (!point) unknown(name);
  if (at === undefined) {
    throw new InputError(`hookName: "${name}" is a point of every block: hookName('${name}', 3).`);
  }
  checkCount('hookName: layer', at);
  return blockPoint(at, point);
}

/** @throws InputError always */
function unknown(name: string): never {
  const words = [...BY_SHORTHAND.keys(), 'embed', 'normalized'];
  throw new InputError(
    `hookName: "${name}" names no hook point (there are ${words.join(', ')}).${missing(name) || didYouMean(name, [...words, ...Object.keys(ALIASES)])}`,
  );
}

function fullName(name: string): boolean {
  if (name === 'hook_embed' || name === FINAL_NORM) return true;
  const point = /^blocks\.(?:0|[1-9]\d*)\.(.+)$/.exec(name)?.[1];
  return point !== undefined && Object.hasOwn(BLOCK_POINTS, point);
}

/** A word on points that only TransformerLens has, else an empty string. */
function missing(name: string): string {
  const word = name.replace(/^.*hook_/, '').replace(/\d+$/, '');
  return NOT_HERE.includes(word)
    ? ' TransformerLens has a point of this name, Tiller has not: see docs/hooks.md.'
    : '';
}

/** @throws InputError for a name that no point of a model with `nLayers` blocks has */
export function checkHookName(name: string, nLayers: number): void {
  const layer = /\d+/.exec(name)?.[0];
  if (fullName(name) && (layer === undefined || Number(layer) < nLayers)) return;
  const hint = hintFor(name, layer, nLayers);
  throw new InputError(`No hook point "${name}" in this model.${hint}`);
}

function hintFor(name: string, layer: string | undefined, nLayers: number): string {
  if (layer !== undefined && Number(layer) >= nLayers) {
    return ` Its blocks are 0 to ${nLayers - 1}.`;
  }
  const note = missing(name);
  if (note) return note;
  // `blocks.0.hook_q` and `q0` say which point is meant, if not where it is.
  const word = name.replace(/^.*(hook_|\.)/, '').replace(/\d+$/, '');
  const short = ALIASES[word] ?? word;
  if (layer !== undefined && BY_SHORTHAND.has(short)) {
    return ` Did you mean "${hookName(short, Number(layer))}"?`;
  }
  if (short === 'normalized' || short === 'embed') return ` Did you mean "${hookName(short)}"?`;
  return didYouMean(name, hookNames(nLayers));
}
