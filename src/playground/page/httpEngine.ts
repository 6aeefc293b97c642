import type { Engine, PlayEvent } from '../protocol';

/**
 * The engine behind the server that sent the page: the routes of src/playground/routes.ts.
 * @param base what the routes' addresses begin with, relative to the page
 */
export function httpEngine(base = 'playground'): Engine {
  const at = (path: string) => `${base}/${path}`;
  return {
    info: async () => (await ask(at('info'))).json(),
    makeVector: async (from) => (await post(at('vectors'), from)).json(),
    addVectorFile: async (name, bytes) =>
      (
        await ask(at(`vectors/file?name=${encodeURIComponent(name)}`), {
          method: 'POST',
          headers: { 'Content-Type': 'application/octet-stream' },
          body: bytes as Uint8Array<ArrayBuffer>,
        })
      ).json(),
    vectorFile: async (id) =>
      new Uint8Array(
        await (await ask(at(`vectors/file?id=${encodeURIComponent(id)}`))).arrayBuffer(),
      ),
    async play(settings, onEvent, signal) {
      try {
        const response = await post(at('play'), settings, signal);
        for await (const event of eventsOf(response)) onEvent(event);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    exportAs: async (settings) => (await post(at('export'), settings)).json(),
  };
}

const post = (path: string, value: object, signal?: AbortSignal) =>
  ask(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value),
    signal,
  });

/** @throws Error with what the server says is wrong, or that it can't be reached */
async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Error('The server does not answer. Is tiller playground still running?');
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => undefined);
  throw new Error(told?.error?.message ?? `The server answered ${response.status} to ${path}.`);
}

/**
 * The events of a stream (SSE): each one JSON after `data: `, an empty line after it.
 * @throws Error where the stream tells one, or ends before `[DONE]`
 */
async function* eventsOf(response: Response): AsyncGenerator<PlayEvent> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error('The server was cut off before the answers were complete.');
    held += value;
    const parts = held.split('\n\n');
    held = parts.pop()!;
    for (const part of parts) {
      if (!part.startsWith('data: ')) continue;
      const data = part.slice('data: '.length);
      if (data === '[DONE]') return;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}
