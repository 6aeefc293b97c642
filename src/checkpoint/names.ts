/** The names that tensors have in checkpoints: with a prefix or not, tied or not, of no effect. */
import { isFloat, type TensorInfo } from '../../weights/safetensors/dtypes';
import type { TensorReader } from '../../weights/safetensors/tensorReader';

/** What an architecture's checkpoints may differ in. */
export interface CheckpointNames {
  /** `base_model_prefix` of transformers with a dot: some checkpoints are saved without it. */
  prefix: string;
  /** The embedding, which may be the output layer too. */
  embedding: string;
  /** Names of buffers that older exports hold: they may stand unused without a word. */
  leftOver?: RegExp;
  /** In checkpoints of more than text: where the text model stands instead, and its head. */
  within?: readonly { prefix: string; head: string }[];
  /** The start of names that belong to the other parts of such a checkpoint: left unread. */
  beside?: RegExp;
}

/** The output layer, where it is not the embedding. */
export const HEAD = 'lm_head.weight';

/**
 * Tensors that change nothing: buffers of older exports, and heads for other tasks on top of the
 * model. Any other tensor that a model does not use (a bias, a layer more) is a sign that config
 * and weights belong to different models.
 */
const OF_NO_EFFECT =
  /(^|\.)(rotary_emb\.inv_freq|position_ids)$|^(score|classifier|qa_outputs|v_head|multiple_choice_head)\./;

/** Parts for images that stand beside a text model; only architectures that say so leave them unread. */
export const IMAGE_PARTS = /^(model\.)?(vision_tower|multi_modal_projector)\./;

export const isOfNoEffect = (name: string): boolean => OF_NO_EFFECT.test(name);

/** Index and shards may disagree about these: they are not needed, or found to be missing later. */
export const mayDiffer = (name: string) => name === HEAD || isOfNoEffect(name);

/** Tensors by name. */
type Named = ReadonlyMap<string, unknown>;

/** Finds tensors under the names that checkpoints have for them. */
function finder(tensors: Named, { prefix, within = [] }: CheckpointNames) {
  const hasAny = (start: string) => [...tensors.keys()].some((name) => name.startsWith(start));
  const isBare = !hasAny(prefix);
  const outer = within.find((place) => hasAny(place.prefix));
  const bare = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const inside = (name: string) =>
    outer && (name === HEAD ? outer.head : outer.prefix + bare(name));
  const find = (name: string) =>
    [name, bare(name), prefix + name, inside(name)].find((one) => one && tensors.has(one));
  /** What a tensor that is not there would be called. */
  const missing = (name: string) => inside(name) ?? (isBare ? bare(name) : name);
  return { find, missing };
}

/**
 * The names of the two tensors that `resolver` compares, to see whether the head is tied; none where
 * there is nothing to compare.
 */
export function tiedPair(tensors: Named, names: CheckpointNames, tied: boolean): string[] {
  const { find } = finder(tensors, names);
  const both = [find(names.embedding), find(HEAD)].filter((name) => name !== undefined);
  return tied && both.length === 2 ? both : [];
}

/**
 * Finds tensors under the names that checkpoints have for them, and whether the head is tied.
 * `stored` leads from a model's name for a tensor to the file's, there or not.
 */
export function resolver(file: TensorReader, names: CheckpointNames, tied: boolean) {
  const { find, missing } = finder(file.tensors, names);
  const { embedding } = names;
  const [table, head] = [find(embedding), find(HEAD)];
  const isTied = tied && (!table || !head || sameTensor(file, table, head));
  const stored = (name: string) => {
    // transformers ties both ways: of two tied tensors one is enough.
    if (name === embedding && isTied && !table && head) return head;
    return find(name) ?? missing(name);
  };
  return { tied: isTied, stored };
}

/** Whether two tensors hold the same numbers, read a few MB at a time. */
function sameTensor(file: TensorReader, a: string, b: string): boolean {
  const [one, other] = [a, b].map((name) => file.tensors.get(name) as TensorInfo);
  if (one.shape.join() !== other.shape.join()) return false;
  if (!isFloat(one.dtype) || !isFloat(other.dtype)) return false;
  const count = one.shape.reduce((product, n) => product * n, 1);
  const parts = [0, 1].map(() => new Float32Array(Math.min(count, 1 << 20)));
  for (let i = 0; i < count; i += parts[0].length) {
    const [x, y] = parts.map((part) => part.subarray(0, count - i));
    file.readFloat32Into(a, x, i);
    file.readFloat32Into(b, y, i);
    const [p, q] = [x, y].map((part) => new Int32Array(part.buffer, 0, part.length));
    for (let at = 0; at < p.length; at++) if (p[at] !== q[at]) return false;
  }
  return true;
}

/** At most so many names of a kind are printed. */
const SHOWN = 12;

/**
 * Prints one line, on stderr, about what of a checkpoint is of no effect; nothing when all is read.
 * @param keys of config.json
 * @param tensors names; those of several layers are put merged
 */
export function reportUnread(dir: string, keys: string[], tensors: string[]): void {
  const list = (names: string[]) => {
    const shown = names.slice(0, SHOWN).map((name) => JSON.stringify(name).slice(1, -1));
    return [...shown, ...(names.length > SHOWN ? [`${names.length - SHOWN} more`] : [])].join(', ');
  };
  const merged = [...new Set(tensors.map((name) => name.replace(/\.\d+\./, '.*.')))];
  const parts = [
    ...(keys.length ? [`config.json: ${list(keys)}`] : []),
    ...(merged.length ? [`tensors: ${list(merged)}`] : []),
  ];
  if (!parts.length) return;
  console.warn(`${dir}: left unread, for it changes nothing here (${parts.join('; ')})`);
}
