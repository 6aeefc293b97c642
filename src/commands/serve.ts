import { openModel } from '../../models/open';
import { type ModelServer, serve, VectorShelf } from '../serve';
import { InputError } from '../util/errors';
import { isFolder } from '../util/files';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  number,
  type Options,
  text,
  weightDtype,
} from './command';
import { editsFor, openSteering, STEER_HELP, STEER_OPTIONS } from './steering';

export const serveCommand: Command = {
  name: 'serve <model>',
  description: 'Serve a model, steered or not, to programs that speak the OpenAI API',
  usage: `serve <model> [options]\n${STEER_HELP}`,
  options: [
    ...STEER_OPTIONS,
    ['--vectors <folder>', 'A folder of vector files that requests may steer by, by name'],
    ['--host <address>', 'Address to listen at (default: 127.0.0.1, this machine alone)'],
    ['--port <n>', 'Port; 0 takes a free one (default: 8000)'],
    ['--api-key <key>', 'What clients must send (default: TILLER_API_KEY, else nothing)'],
    ['--cors <origin>', 'A web page that may ask, such as http://localhost:3000; * for all'],
    ['--queue <n>', 'Answers that may wait before others are turned away (default: 256)'],
    ['--batch <n>', 'Answers written together (default: found by measuring)'],
    ['--max-tokens <n>', 'Limit of chat answers whose request sets none (default: 512)'],
    ['--quiet', 'Print no line for each request'],
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller serve tiny-gemma2 --vectors vectors/',
    'tiller serve tiny-gemma2 --steer lowercase.safetensors@3*1x --port 8080',
  ],
  run: runServe,
};

/** How long answers that are being written may take once the server is told to stop. */
const GRACE_MS = 10_000;

async function runServe([given]: string[], options: Options): Promise<number> {
  const isPort = (x: number) => Number.isInteger(x) && x >= 0 && x < 65536;
  const settings = {
    host: text(options, 'host'),
    port: number(options, 'port', 8000, 'a port, 0 to 65535', isPort),
    apiKey: apiKey(options),
    cors: text(options, 'cors'),
    queue: count(options, 'queue', 256),
    batchSize: count(options, 'batch', undefined),
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
    const log = options.quiet ? undefined : console.error;
    const server = await serve(lm, { ...settings, edits, vectors, log });
    const steered = edits.length ? ', steered' : '';
    console.log(`${lm.name}${steered} on ${lm.backend.name}: ${server.url}/v1`);
    if (!settings.apiKey && !['127.0.0.1', 'localhost', '::1'].includes(server.host)) {
      console.error('Everybody who reaches this address may ask: TILLER_API_KEY would set a key.');
    }
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

/** Until Ctrl-C, or a signal to end; a second one cuts what is being written. */
async function untilStopped(server: ModelServer): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  let stop = () => {};
  const closed = new Promise<void>((resolve, reject) => {
    stop = () => {
      server.close(GRACE_MS).then(resolve, reject);
    };
  });
  for (const signal of signals) process.on(signal, stop);
  await closed;
  for (const signal of signals) process.off(signal, stop);
}
