/** The page without a server: the playground over a model in a worker. */
import { h } from 'preact';
import { startApp } from '../../playground/page/app';
import type { ModelSource } from '../messages';
import type { Progress } from '../openModel';
import { type WorkerLike, workerEngine } from '../workerEngine';
import { addressOfOwn, withBackend } from './address';
import { ModelPicker } from './modelPicker';

/** The files of the model beside the page: said by the build, so that none is asked for in vain. */
declare const TILLER_MODEL_FILES: string[];

const root = document.getElementById('app')!;
const here = new URL('.', location.href).href;
const OWN: ModelSource = {
  ...{ kind: 'url', base: `${here}weights/tiny-gemma2/`, files: TILLER_MODEL_FILES },
};
let worker: Worker | undefined;

function show(from: ModelSource): void {
  worker?.terminate();
  worker = newWorker();
  const backend = wordOf('backend');
  let progress: Progress | undefined;
  const start = { wasmFolder: here, backend };
  const engine = workerEngine(worker as unknown as WorkerLike, from, start, (now) => {
    progress = now;
    draw();
  });
  const isOther = from !== OWN;
  const onFiles = (files: File[]) => show({ kind: 'files', files });
  const onBackend = (chosen: string) => {
    history.replaceState(null, '', withBackend(chosen, location.href));
    show(from);
  };
  const draw = () => {
    const modelPicker = h(ModelPicker, {
      ...{ progress, onFiles, onOwn: showOwn, isOther, backend, onBackend },
    });
    startApp(root, engine, { modelPicker });
  };
  draw();
}

function showOwn(): void {
  const { search, pathname } = location;
  if (search || pathname.endsWith('/from-url.html')) location.href = addressOfOwn(location.href);
  else show(OWN);
}

/**
 * From a blob, for a worker of an address would not be under the page's Content-Security-Policy. It
 * keeps what it is told until its script is there, which is a module: that can load others.
 */
function newWorker(): Worker {
  const script = `
    const early = [];
    onmessage = (event) => early.push(event);
    import(${JSON.stringify(`${here}worker.js`)}).then(
      () => early.forEach((event) => onmessage(event)),
      (error) => setTimeout(() => { throw error; }),
    );`;
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const made = new Worker(address);
  // The worker fetches it at once.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return made;
}

function wordOf(key: string): string | undefined {
  return new URLSearchParams(location.search).get(key) ?? undefined;
}

const base = wordOf('model');
show(base ? { kind: 'url', base } : OWN);
