import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openModel } from '../../models/open';
import { pageFiles } from '../playground/bundle';
import { Playground } from '../playground/playground';
import { playgroundRoutes } from '../playground/routes';
import { findRunVectors } from '../playground/runVectors';
import type { Origins } from '../playground/vectors';
import { serve, VectorShelf } from '../serve';
import { InputError } from '../util/errors';
import { isFolder } from '../util/files';
import { loadVectors } from '../vectors/vectorFile';
import {
  BACKEND_OPTION,
  type Command,
  DTYPE_OPTION,
  list,
  type Options,
  text,
  weightDtype,
} from './command';
import { LISTEN_OPTIONS, listenSettings, untilStopped, warnIfOpen } from './listening';
import { STEER_OPTIONS } from './steering';

const [, ANY_MODEL] = STEER_OPTIONS;

export const playgroundCommand: Command = {
  name: 'playground <model>',
  description: 'Steer a model in the browser: unsteered and steered answers side by side',
  options: [
    ['--vectors <place...>', 'Vector files, or folders of them; may be given several times'],
    ['--runs <folder...>', 'Results of experiments (runs), for their vectors of this model'],
    ANY_MODEL,
    ...LISTEN_OPTIONS,
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller playground tiny-gemma2',
    'tiller playground tiny-gemma2 --vectors vectors/ --runs runs/',
  ],
  run: runPlayground,
};

/** A reading that nobody will see is not worth the wait. */
const GRACE_MS = 0;

async function runPlayground([given]: string[], options: Options): Promise<number> {
  const settings = listenSettings(options);
  const places = list(options, 'vectors');
  for (const place of places) checkPlace(place);
  const runs = list(options, 'runs');
  const lost = runs.find((folder) => !isFolder(folder));
  if (lost !== undefined) throw new InputError(`--runs is "${lost}", which is no folder.`);
  const files = await pageFiles();
  const lm = await openModel(given, {
    backend: text(options, 'backend'),
    dtype: weightDtype(options),
  });
  try {
    const shelf = new VectorShelf(lm, Boolean(options['any-model']));
    const origins: Origins = new Map();
    for (const place of places) tellLeftOut(addVectors(place, shelf, origins));
    for (const folder of runs) {
      const { leftOut, others } = findRunVectors(folder, lm, shelf, origins);
      tellLeftOut(leftOut);
      if (others)
        console.error(`${folder}: vector files of other models are left out (${others}).`);
    }
    const words = ['backend', 'dtype'].flatMap((name) => {
      const value = text(options, name);
      return value === undefined ? [] : [`--${name}`, value];
    });
    const server = await serve(lm, {
      ...settings,
      bodyBytes: MOST_BYTES,
      vectors: shelf,
      routes: (scheduler) => {
        const playground = new Playground(lm, { shelf, origins, scheduler, model: given, words });
        return playgroundRoutes(playground, files);
      },
    });
    const { length } = shelf.names();
    const vectors = length === 1 ? '1 vector file' : `${length} vector files`;
    console.log(
      `${lm.name} on ${lm.backend.name}, ${vectors}. Open ${server.url} in a browser; Ctrl-C ends it.`,
    );
    warnIfOpen(server, '');
    await untilStopped(server, GRACE_MS);
    return 0;
  } finally {
    lm.dispose();
  }
}

/** Vector files that a page sends. */
const MOST_BYTES = 256e6;

function checkPlace(place: string): void {
  if (statSync(place, { throwIfNoEntry: false })) return;
  throw new InputError(`--vectors is "${place}": there is no such file or folder.`);
}

function tellLeftOut(files: { file: string; reason: string }[]): void {
  for (const { file, reason } of files) console.error(`${file} is left out: ${reason}`);
}

/** @returns files of a folder that can't be used; a file that was named must be one that can */
function addVectors(place: string, shelf: VectorShelf, origins: Origins) {
  const before = shelf.names();
  const isSeveral = isFolder(place);
  const leftOut = isSeveral ? shelf.addFolder(place) : [];
  if (!isSeveral) shelf.add(place, loadVectors(place));
  for (const name of shelf.names()) {
    if (before.includes(name)) continue;
    origins.set(name, { from: 'file', path: isSeveral ? join(place, name) : place });
  }
  return leftOut;
}
