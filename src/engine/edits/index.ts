/**
 * Every way to steer. A new one is a file beside this one and a line in `KINDS`; the rest of the code,
 * types and messages included, takes it from here. docs/steering.md says what each is for.
 */
import { ablate } from './ablate';
import { add } from './add';
import { clamp } from './clamp';
import type { Condition } from './condition';
import type { EditKind } from './kind';
import { project } from './project';
import { rotate } from './rotate';

export const KINDS = { add, project, ablate, clamp, rotate };

export type EditKindName = keyof typeof KINDS;
export const EDIT_KINDS = Object.keys(KINDS) as EditKindName[];

/**
 * Where a vector acts: at `all` columns (the paper's default), on the `prompt`, at the `last`
 * prompt token, or on `generated` tokens only.
 */
export const POSITIONS = ['all', 'prompt', 'last', 'generated'] as const;
export type Positions = (typeof POSITIONS)[number];

/** What edits of every kind have. */
export interface EditPlace {
  /** The block whose output is edited. */
  layer: number;
  /** u, [D]; of length 1 for every kind but `add`. */
  vector: Float32Array;
  /** Default: `all`. */
  positions?: Positions;
  /** Acts only where this holds; default: everywhere. */
  when?: Condition;
}

/** The parameters of a kind, beside `EditPlace`. */
export type ParametersOf<K extends EditKindName> =
  (typeof KINDS)[K] extends EditKind<infer P> ? P : never;

/** One edit of the residual stream after block `layer`; what each kind does is in its file. */
export type Edit = { [K in EditKindName]: EditPlace & { kind: K } & ParametersOf<K> }[EditKindName];

/** A kind for code that knows no kind: its functions take what its own `check` has let through. */
export const kindOf = (name: EditKindName) =>
  KINDS[name] as unknown as Omit<EditKind<object>, 'parameters'> & {
    parameters: readonly string[];
  };
