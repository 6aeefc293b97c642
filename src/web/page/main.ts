/** The page without a server: the playground over a model in a worker. */
import { h } from 'preact';
import { startApp } from '../../playground/page/app';
import type { ModelSource } from '../messages';
import type { Progress } from '../openModel';
import { type WorkerLike, workerEngine } from '../workerEngine';
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
  let progress: Progress | undefined;
  const engine = workerEngine(worker as unknown as WorkerLike, from, here, (now) => {
    progress = now;
    draw();
  });
  const isOther = from !== OWN;
  const draw = () => {
    const onFiles = (files: File[]) => show({ kind: 'files', files });
    const picker = h(ModelPicker, { progress, onFiles, onOwn: showOwn, isOther });
    startApp(root, engine, { modelPicker: picker });
  };
  draw();
}

function showOwn(): void {
  const { search, pathname, hash } = location;
  if (search || pathname.endsWith('/from-url.html')) location.href = `index.html${hash}`;
  else show(OWN);
}

/** From a blob, for a worker of an address would not be under the page's Content-Security-Policy. */
function newWorker(): Worker {
  const script = `importScripts(${JSON.stringify(`${here}worker.js`)})`;
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const made = new Worker(address);
  // The worker fetches it at once.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  return made;
}

const base = new URLSearchParams(location.search).get('model');
show(base ? { kind: 'url', base } : OWN);
