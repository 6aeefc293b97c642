/** The side of the playground that holds the model. Knows nothing of Node, nor of the page. */
import { BatchSizer } from '../engine/batchSizer';
import { checkEdits } from '../engine/edit';
import { streamSeed } from '../engine/sampling';
import { Scheduler } from '../engine/scheduler';
import { EDIT_KINDS, type Edit, POSITIONS } from '../engine/steering';
import type { LanguageModel } from '../language/languageModel';
import type { PromptStyle } from '../text/prompt';
import { checkKeys, refuse } from '../util/check';
import { InputError } from '../util/errors';
import { parseVectors, vectorBytes } from '../vectors/files/formats';
import type { VectorFile } from '../vectors/files/types';
import { METHODS } from '../vectors/finders';
import { directionFromPairs } from '../vectors/fromPairs';
import { findDirection } from '../vectors/lookUp';
import type { Shelf } from '../vectors/shelf';
import type { SteerSpec } from '../vectors/steerSpec';
import { exportSettings } from './exports';
import type {
  Engine,
  Exported,
  PairsOfVector,
  PlayEvent,
  PlaygroundInfo,
  PlaygroundSettings,
  Side,
  VectorInfo,
} from './protocol';
import { type Followed, readSide } from './reading';
import { checkSettings } from './settings';
import { idOfPairs, nameAsSafetensors, type Origins, vectorInfo } from './vectors';

export interface PlaygroundOptions {
  /** The vectors that there are, and those that the page adds. */
  shelf: Shelf;
  /** Where the files of the shelf come from, by their names. */
  origins?: Origins;
  /** Decodes the answers, and perhaps others beside them; default: one of its own. */
  scheduler?: Scheduler;
  /** What a command line calls the model; default: its name. */
  model?: string;
  /** Further words of a `tiller generate` command line: `['--dtype', 'bfloat16']`. */
  words?: string[];
}

/** Rows of the scheduler of a playground that shares none. */
const MOST_ROWS = 16;

export class Playground implements Engine {
  private readonly shelf: Shelf;
  private readonly origins: Origins;
  private readonly scheduler: Scheduler;

  constructor(
    private readonly lm: LanguageModel,
    private readonly options: PlaygroundOptions,
  ) {
    this.shelf = options.shelf;
    this.origins = new Map(options.origins);
    const sizer = () => BatchSizer.open(lm.model.config, MOST_ROWS, {});
    this.scheduler =
      options.scheduler ?? new Scheduler(lm.model, { sizer: sizer(), padId: lm.padId });
  }

  async info(): Promise<PlaygroundInfo> {
    const { name, model, tokenizer, style, backend } = this.lm;
    const { nLayers, dModel, maxPositions } = model.config;
    const others: PromptStyle[] = tokenizer.hasChatTemplate ? ['chat', 'raw', 'qa'] : ['raw', 'qa'];
    return {
      model: {
        ...{ name, nLayers, dModel, maxPositions },
        styles: [style, ...others.filter((other) => other !== style)],
        takesSystem: tokenizer.hasChatTemplate && this.takesSystem(),
        backend: `${backend.name} (${backend.detail})`,
      },
      vectors: this.shelf.names().map((id) => this.infoOf(id)),
      kinds: EDIT_KINDS,
      positions: POSITIONS,
      methods: METHODS,
    };
  }

  private takesSystem(): boolean {
    try {
      this.lm.tokenizer.encodePrompt('a', { style: 'chat', system: 'b' });
      return true;
    } catch (error) {
      if (error instanceof InputError) return false;
      throw error;
    }
  }

  private infoOf(id: string): VectorInfo {
    return vectorInfo(id, this.shelf.get(id), this.origins.get(id));
  }

  async makeVector(from: PairsOfVector): Promise<VectorInfo> {
    checkKeys('a vector', from, ['name', 'pairs', 'method']);
    const { name, pairs, method } = from;
    if (typeof name !== 'string' || !name.trim()) refuse('the name of the vector', name, 'a text');
    const id = idOfPairs(from);
    if (!this.shelf.has(id)) {
      const vectors = await directionFromPairs(this.lm, pairs, { name, method });
      // Another page may have made it meanwhile.
      if (!this.shelf.has(id)) this.shelf.add(id, vectors);
      this.origins.set(id, { from: 'pairs', pairs: { name, pairs, method } });
    }
    return this.infoOf(id);
  }

  async addVectorFile(name: string, bytes: Uint8Array): Promise<VectorInfo> {
    const vectors = parseVectors(name, bytes);
    const id = nameAsSafetensors(name);
    if (!this.holds(id, vectors)) {
      this.shelf.add(id, vectors);
      this.origins.set(id, { from: 'file' });
    }
    return this.infoOf(id);
  }

  /** Whether the very vectors are there already, as after a reload of the page. */
  private holds(id: string, vectors: VectorFile): boolean {
    if (!this.shelf.names().includes(id)) return false;
    const [there, given] = [this.shelf.get(id), vectors].map((one) => vectorBytes(id, one));
    return there.length === given.length && there.every((byte, i) => byte === given[i]);
  }

  async vectorFile(id: string): Promise<Uint8Array> {
    return vectorBytes(nameAsSafetensors(id), this.shelf.get(id));
  }

  async play(
    given: PlaygroundSettings,
    onEvent: (event: PlayEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { lm } = this;
    const settings = checkSettings(given, lm);
    const { style, system } = settings;
    const edits = settings.steer.map((spec) => this.shelf.resolve(spec));
    checkEdits('steer', [edits], lm.model.config);
    const followed = settings.steer.map((spec) => this.follow(spec));
    const prompt = lm.encode(settings.prompt, { style, system: system || undefined });
    const sides = new Map<Side, Edit[]>([['unsteered', []]]);
    if (edits.length) sides.set('steered', edits);
    const answers = await this.write(prompt, sides, settings, onEvent, signal);
    for (const side of sides.keys()) {
      const answer = answers.get(side);
      if (!answer || signal.aborted) return;
      const text = { prompt, answer };
      const reading = await readSide(lm, side, text, edits, followed, signal);
      if (signal.aborted) return;
      onEvent({ type: 'reading', side, reading });
    }
  }

  /** The vector of an edit, wherever its file has it. */
  private follow({ file, name }: SteerSpec): Followed {
    const { directions, layers } = this.shelf.get(file);
    const { unit } = findDirection(directions, name);
    return {
      name: name ?? [...directions.keys()][0],
      units: new Map(layers.map((layer, at) => [layer, unit[at]])),
    };
  }

  /** Writes the answers together. @returns the tokens of those that are complete */
  private async write(
    prompt: number[],
    sides: Map<Side, Edit[]>,
    { maxNewTokens, temperature, topP, seed }: PlaygroundSettings,
    onEvent: (event: PlayEvent) => void,
    signal: AbortSignal,
  ): Promise<Map<Side, number[]>> {
    const { scheduler } = this;
    const { tokenizer } = this.lm;
    if (signal.aborted) return new Map();
    const begin = performance.now();
    const answers = new Map<Side, number[]>();
    const cancels: (() => void)[] = [];
    const done = new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      for (const [side, edits] of sides) {
        const stream = tokenizer.stream();
        const tell = (text: string) => text && onEvent({ type: 'text', side, text });
        const row = {
          ...{ prompt, edits, maxNewTokens, temperature, topP, stopIds: tokenizer.stopIds },
          // As the first prompt of `generate`.
          seed: streamSeed(seed, 0),
          onToken: (token: number) => void tell(stream.push(token)),
          onFinish({ tokens, stopped }: { tokens: number[]; stopped: 'stop' | 'length' }) {
            tell(stream.end());
            const seconds = (performance.now() - begin) / 1000;
            onEvent({ type: 'end', side, reason: stopped, tokens: tokens.length, seconds });
            answers.set(side, tokens);
            if (answers.size === sides.size) resolve();
          },
          onError: reject,
        };
        cancels.push(scheduler.submit(row));
      }
      void scheduler.run();
    });
    try {
      await done;
    } finally {
      for (const cancel of cancels) cancel();
    }
    return answers;
  }

  async exportAs(given: PlaygroundSettings): Promise<Exported> {
    const { lm, shelf, origins, options } = this;
    const settings = checkSettings(given, lm);
    for (const spec of settings.steer) shelf.resolve(spec);
    const { model = lm.name, words = [] } = options;
    return exportSettings(settings, { lm, model, words, shelf, origins });
  }
}
