/** What the page and its worker say to each other. */
import type { Engine, PlayEvent, PlaygroundSettings } from '../playground/protocol';
import type { PickedFile } from './files/sourceFolder';
import type { Progress } from './openModel';

/** Where a model is opened from. */
export type ModelSource =
  /** See `urlFolder`. */
  { kind: 'url'; base: string; files?: string[] } | { kind: 'files'; files: PickedFile[] };

/** What an engine is asked that has one answer. */
export type Question = Exclude<keyof Engine, 'play'>;

export type Ask = { id: number } & (
  | {
      call: 'open';
      from: ModelSource /** Where the .wasm lies. */;
      wasmFolder: string;
      backend?: string;
    }
  | { call: 'play'; settings: PlaygroundSettings }
  | { call: 'abort' /** The `id` of what is to end. */; of: number }
  | { [K in Question]: { call: K; args: Parameters<Engine[K]> } }[Question]
);

export type Told = { id: number } & (
  | { type: 'done'; value: unknown }
  /** With what is said to people. */
  | { type: 'failed'; message: string }
  | { type: 'event'; event: PlayEvent }
  | { type: 'progress'; progress: Progress }
);
