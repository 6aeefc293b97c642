/** A server of the small model, with vectors that requests may name, and the official client. */
import OpenAI from 'openai';
import { openModel } from '../../../models/open';
import type { Edit } from '../../../src/engine/steering';
import type { LanguageModel } from '../../../src/language/languageModel';
import { type ModelServer, type ServeOptions, serve, VectorShelf } from '../../../src/serve';
import { seededRandom } from '../../../src/util/random';
import type { VectorFile } from '../../../src/vectors/vectorFile';

export const MODEL = 'tiny-gemma2';

/** A direction at each of 6 layers, of length 20. */
export function vectorFile(seed: number, dModel = 192): VectorFile {
  const random = seededRandom(seed);
  const unit = Array.from({ length: 6 }, () => {
    const values = Float32Array.from({ length: dModel }, () => random() - 0.5);
    const norm = Math.hypot(...values);
    return values.map((x) => x / norm);
  });
  const direction = { unit, norm: new Float32Array(6).fill(20) };
  return {
    directions: new Map([['shout', direction]]),
    layers: [0, 1, 2, 3, 4, 5],
    provenance: { model: MODEL },
  };
}

/** The edit that `{vector: 'one', layer, weight}` asks for. */
export function editOf(file: VectorFile, layer: number, weight: number): Edit {
  return { kind: 'add', layer, vector: file.directions.get('shout')!.unit[layer], weight };
}

export const ONE = vectorFile(1);
export const TWO = vectorFile(2);

export interface Running {
  lm: LanguageModel;
  server: ModelServer;
  client: OpenAI;
  /** Lines of the log. */
  lines: string[];
}

export function start(lm: LanguageModel, options: ServeOptions = {}): Promise<Running> {
  const vectors = new VectorShelf(lm);
  vectors.add('one.safetensors', ONE);
  vectors.add('two.safetensors', TWO);
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  return serve(lm, { port: 0, vectors, log, ...options }).then((server) => {
    const client = new OpenAI({
      ...{ baseURL: `${server.url}/v1`, apiKey: options.apiKey ?? 'none', maxRetries: 0 },
    });
    return { lm, server, client, lines };
  });
}

export const openSmall = () => openModel(MODEL);

/** Runs with a server of its own. */
export async function withServer(
  lm: LanguageModel,
  options: ServeOptions,
  act: (running: Running) => Promise<void>,
): Promise<void> {
  const running = await start(lm, options);
  try {
    await act(running);
  } finally {
    await running.server.close();
  }
}
