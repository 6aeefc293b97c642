/** The worker of the static page: it holds the model, and answers what the page asks. */
import { useBackend } from '../backend/index.browser';
import { Playground } from '../playground/playground';
import type { Engine } from '../playground/protocol';
import { InputError } from '../util/errors';
import { Shelf } from '../vectors/shelf';
import { pickedFolder, urlFolder } from './files/sourceFolder';
import type { Ask, Told } from './messages';
import { openModel } from './openModel';

/** As tsc does not know that this is a worker. */
const page = self as unknown as {
  onmessage: (event: MessageEvent<Ask>) => void;
  postMessage(told: Told): void;
};

let engine: Engine | undefined;
const running = new Map<number, AbortController>();

page.onmessage = ({ data }) => {
  answer(data).then(
    (value) => page.postMessage({ id: data.id, type: 'done', value }),
    (error) => page.postMessage({ id: data.id, type: 'failed', message: messageOf(error) }),
  );
};

async function answer(ask: Ask): Promise<unknown> {
  if (ask.call === 'open') return open(ask);
  if (ask.call === 'abort') return running.get(ask.of)?.abort();
  if (!engine) throw new Error('No model is open.');
  if (ask.call === 'play') return play(engine, ask);
  return (engine[ask.call] as (...args: unknown[]) => Promise<unknown>)(...ask.args);
}

async function open({ id, from, ...ask }: Ask & { call: 'open' }): Promise<void> {
  const backend = await useBackend(ask.wasmFolder, ask.backend);
  const folder = from.kind === 'url' ? urlFolder(from.base, from.files) : pickedFolder(from.files);
  const lm = await openModel(folder, backend, (progress) =>
    page.postMessage({ id, type: 'progress', progress }),
  );
  engine = new Playground(lm, { shelf: new Shelf(lm) });
}

async function play(engine: Engine, { id, settings }: Ask & { call: 'play' }): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    await engine.play(
      settings,
      (event) => page.postMessage({ id, type: 'event', event }),
      controller.signal,
    );
  } finally {
    running.delete(id);
  }
}

/** What is wrong, for people; of a fault of ours, where it happened goes to the console. */
function messageOf(error: unknown): string {
  if (!(error instanceof InputError)) console.error(error);
  return error instanceof Error ? error.message : String(error);
}
