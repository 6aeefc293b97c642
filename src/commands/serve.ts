import { openModel } from '../../models/open';
import { serve, VectorShelf } from '../serve';
import { InputError } from '../util/errors';
import { isFolder } from '../util/files';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  type Options,
  text,
  weightDtype,
} from './command';
import { LISTEN_OPTIONS, listenSettings, untilStopped, warnIfOpen } from './listening';
import { editsFor, openSteering, STEER_HELP, STEER_OPTIONS } from './steering';

export const serveCommand: Command = {
  name: 'serve <model>',
  description: 'Serve a model, steered or not, to programs that speak the OpenAI API',
  usage: `serve <model> [options]\n${STEER_HELP}`,
  options: [
    ...STEER_OPTIONS,
    ['--vectors <folder>', 'A folder of vector files that requests may steer by, by name'],
    ...LISTEN_OPTIONS,
    ['--api-key <key>', 'What clients must send (default: TILLER_API_KEY, else nothing)'],
    ['--cors <origin>', 'A web page that may ask, such as http://localhost:3000; * for all'],
    ['--queue <n>', 'Answers that may wait before others are turned away (default: 256)'],
    ['--max-tokens <n>', 'Limit of chat answers whose request sets none (default: 512)'],
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller serve tiny-gemma2 --vectors vectors/',
    'tiller serve tiny-gemma2 --steer lowercase.safetensors@3*1x --port 8080',
  ],
  run: runServe,
};

async function runServe([given]: string[], options: Options): Promise<number> {
  const settings = {
    ...listenSettings(options),
    apiKey: apiKey(options),
    cors: text(options, 'cors'),
    queue: count(options, 'queue', 256),
    maxTokens: count(options, 'max-tokens', 512),
  };
  const folder = text(options, 'vectors');
  if (folder !== undefined && !isFolder(folder)) {
    throw new InputError(`--vectors is "${folder}", which is no folder.`);
  }
  const wanted = openSteering(options);
  const lm = await openModel(given, {
    backend: text(options, 'backend'),
    dtype: weightDtype(options),
  });
  try {
    const edits = editsFor(wanted, lm, options);
    const vectors = new VectorShelf(lm, Boolean(options['any-model']));
    for (const { spec, vectors: file } of wanted) vectors.add(spec.file, file);
    for (const { file, reason } of folder === undefined ? [] : vectors.addFolder(folder)) {
      console.error(`${file} is left out: ${reason}`);
    }
    const server = await serve(lm, { ...settings, edits, vectors });
    const steered = edits.length ? ', steered' : '';
    console.log(`${lm.name}${steered} on ${lm.backend.name}: ${server.url}/v1`);
    if (!settings.apiKey) warnIfOpen(server, ': TILLER_API_KEY would set a key');
    await untilStopped(server);
    return 0;
  } finally {
    lm.dispose();
  }
}

/** @throws InputError for a key that no header could carry */
function apiKey(options: Options): string | undefined {
  const key = text(options, 'api-key') ?? process.env.TILLER_API_KEY;
  if (!key || /^[\x21-\x7e]+$/.test(key)) return key || undefined;
  throw new InputError('The API key may hold letters, digits and signs of ASCII, no spaces.');
}
