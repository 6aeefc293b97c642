import type { Engine, PlayEvent } from '../playground/protocol';
import type { Ask, ModelSource, Question, Told } from './messages';
import type { Progress } from './openModel';

/** What is used of a `Worker`. */
export interface WorkerLike {
  postMessage(ask: Ask): void;
  onmessage: ((event: { data: Told }) => void) | null;
  onerror: ((event: { message?: string; preventDefault?(): void }) => void) | null;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onEvent?(event: PlayEvent): void;
  onProgress?(progress: Progress): void;
}

/** Distributes over the members of `Ask`. */
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/**
 * The engine in a worker (worker.ts). The model is opened at the first question, and again at the next
 * one where that failed.
 * @param start where the .wasm lies, with a slash at its end; a backend by name, see `useBackend`
 */
export function workerEngine(
  worker: WorkerLike,
  from: ModelSource,
  start: { wasmFolder: string; backend?: string },
  onProgress: (progress: Progress) => void,
): Engine {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let opened: Promise<unknown> | undefined;

  worker.onmessage = ({ data }) => {
    const one = waiting.get(data.id);
    if (data.type === 'event') one?.onEvent?.(data.event);
    else if (data.type === 'progress') one?.onProgress?.(data.progress);
    else {
      waiting.delete(data.id);
      if (data.type === 'done') one?.resolve(data.value);
      else one?.reject(new Error(data.message));
    }
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    const error = new Error(`The page's worker failed: ${event.message ?? 'it did not start'}.`);
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  function ask(
    question: WithoutId<Ask>,
    listeners: Pick<Waiting, 'onEvent' | 'onProgress'> = {},
  ): { id: number; answer: Promise<unknown> } {
    const id = ++last;
    const answer = new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, ...listeners });
      worker.postMessage({ id, ...question } as Ask);
    });
    return { id, answer };
  }

  async function open(): Promise<void> {
    opened ??= ask({ call: 'open', from, ...start }, { onProgress }).answer;
    try {
      await opened;
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  const question = <K extends Question>(call: K) =>
    (async (...args: Parameters<Engine[K]>) => {
      await open();
      return ask({ call, args } as WithoutId<Ask>).answer;
    }) as Engine[K];

  return {
    info: question('info'),
    makeVector: question('makeVector'),
    addVectorFile: question('addVectorFile'),
    vectorFile: question('vectorFile'),
    exportAs: question('exportAs'),
    async play(settings, onEvent, signal) {
      await open();
      if (signal.aborted) return;
      const { id, answer } = ask({ call: 'play', settings }, { onEvent });
      const abort = () => void ask({ call: 'abort', of: id });
      signal.addEventListener('abort', abort, { once: true });
      try {
        await answer;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
  };
}
