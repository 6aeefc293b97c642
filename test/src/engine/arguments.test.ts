/** Every public function of the engine says which argument is wrong, what it is, and what it wants. */
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { Branches } from '../../../src/engine/branches';
import { generate } from '../../../src/engine/generate';
import { hookNames, residPost } from '../../../src/engine/hooks';
import { KVCache } from '../../../src/engine/kvCache';
import type { CausalLM } from '../../../src/engine/model';
import { meanNll } from '../../../src/engine/perplexity';
import { leftPad, prefill } from '../../../src/engine/prefill';
import { runWithCache } from '../../../src/engine/runWithCache';
import { draw } from '../../../src/engine/sampling';
import { Steering } from '../../../src/engine/steering';
import { InputError } from '../../../src/util/errors';

let model: CausalLM;
let unit: Float32Array;
let held: number;
test.before(async () => {
  await useBackend();
  model = loadModel(path.join(__dirname, '../../fixtures/gemma2-narrow-heads'));
  const { dModel } = model.config;
  unit = new Float32Array(dModel).fill(dModel ** -0.5);
  held = tf.memory().numTensors;
});
test.after(() => model.dispose());

// biome-ignore lint/suspicious/noExplicitAny: what no type would let through
type Any = any;
const ids = [[3, 4, 5]];
const add = (more: object = {}) => ({ kind: 'add', layer: 0, vector: unit, weight: 1, ...more });
const write = (options: Any, prompts: Any = ids) => generate(model, prompts, options);
const writeWith = (more: object) => write({ maxNewTokens: 1, ...more });
const writeOf = (prompts: Any) => write({ maxNewTokens: 1 }, prompts);
const steer = (edit: Any) => writeWith({ edits: [[edit]] });
const look = (options: Any, prompts: Any = ids) => runWithCache(model, prompts, options);
const pass = (options: Any, rows: Any = ids) => model.forward(rows, options);
const cacheOf = (rows: number) => new KVCache(new Array(rows).fill(0), new Array(rows).fill(1));

const CASES: [string, () => unknown, RegExp][] = [
  ['no maxNewTokens', () => write({}), /maxNewTokens is undefined, not a whole number from 0/],
  ['no options', () => write(undefined), /options is undefined, not an object/],
  ['a wrong name', () => write({ maxTokens: 5 }), /no "maxTokens".* Did you mean "maxNewTokens"\?/],
  ['endless', () => writeWith({ maxNewTokens: Infinity }), /maxNewTokens is Infinity/],
  ['a text of digits', () => writeWith({ maxNewTokens: '5' }), /maxNewTokens is "5", not a whole/],
  ['the old name', () => writeWith({ steering: [[]] }), /no "steering".* given as "edits"/],
  ['one bracket missing', () => writeWith({ edits: [add()] }), /edits\[0\] is an object \{kind, /],
  ['an edit alone', () => writeWith({ edits: add() }), /edits is an object .*a list for each row/],
  ['a list too few', () => writeWith({ edits: [] }), /0 lists of edits for 1 prompts/],
  ['no edit at all', () => steer(undefined), /edits\[0\]\[0\] is undefined, not an object/],
  ['a kind', () => steer(add({ kind: 'ad' })), /kind is "ad", not one of add, project.* "add"\?/],
  ['a place', () => steer(add({ positions: 'lst' })), /positions is "lst".* mean "last"\?/],
  ['a place, null', () => steer(add({ positions: null })), /positions is null, not one of all/],
  ['no weight', () => steer(add({ weight: undefined })), /weight is undefined, not a finite/],
  ['an endless weight', () => steer(add({ weight: Infinity })), /weight is Infinity/],
  ['a weight in words', () => steer(add({ weight: '1' })), /weight is "1", not a finite number/],
  ['both amounts', () => steer(add({ target: 1 })), /of kind add has a weight, no target/],
  ['a wrong key', () => steer(add({ postions: 'last' })), /no "postions".* mean "positions"\?/],
  ['a layer', () => steer(add({ layer: 99 })), /at layer 99: this model has layers 0 to/],
  ['a layer in words', () => steer(add({ layer: '1' })), /at layer "1"/],
  ['a short vector', () => steer(add({ vector: [1, 2] })), /2 numbers; this model's residual/],
  ['a tensor', () => steer(add({ vector: tf.backend() })), /vector is a \w+, not a Float32Array/],
  ['no vector', () => steer(add({ vector: undefined })), /vector is undefined, not a Float32Array/],
  [
    'a vector with NaN',
    () => steer(add({ vector: unit.map((x, i) => (i ? x : Number.NaN)) })),
    /vector holds a number that is not finite/,
  ],
  [
    'no unit vector',
    () => steer({ kind: 'project', layer: 0, vector: unit.map((x) => 3 * x), target: 1 }),
    /length 1; this one has 3\.000/,
  ],
  ['a prompt', () => writeOf('Hello'), /prompts is "Hello", not a list of prompts/],
  ['texts', () => writeOf(['Hello']), /prompt 0 is "Hello", not a list of token ids/],
  ['words', () => writeOf([['Hello']]), /prompt 0: a token id is "Hello", not a number/],
  ['one prompt bare', () => writeOf([3, 4]), /prompt 0 is 3, not a list of token ids/],
  ['an empty prompt', () => writeOf([[3], []]), /prompt 1 has no tokens/],
  ['an id', () => writeOf([[3], [9999]]), /prompt 1: token id 9999 is outside the vocab/],
  ['half an id', () => writeOf([[1.5]]), /token id 1\.5 is outside/],
  ['a long prompt', () => writeOf([new Array(32).fill(1)]), /32 tokens; this model's context/],
  [
    'a model',
    () => generate('gpt2' as Any, ids, { maxNewTokens: 1 }),
    /model is "gpt2", not a load/,
  ],
  ['stop ids', () => writeWith({ stopIds: 5 }), /stopIds is 5, not a list/],
  ['a stop id', () => writeWith({ stopIds: ['</s>'] }), /a stop id is "<\/s>", not a whole number/],
  ['stopWhen', () => writeWith({ stopWhen: /\./ }), /stopWhen is a RegExp, not a function/],
  [
    'stopWhen, later',
    () => writeWith({ stopWhen: async () => false }),
    /returned is a Promise, not/,
  ],
  ['onToken', () => writeWith({ onToken: 1 }), /onToken is 1, not a function/],
  ['onFinish', () => writeWith({ onFinish: {} }), /onFinish is an object/],
  ['padId', () => writeWith({ padId: -1 }), /padId: token id -1 is outside/],
  ['batchSize', () => writeWith({ batchSize: 0 }), /batchSize is 0, not a whole number from 1 up/],
  ['cacheBytes', () => writeWith({ cacheBytes: 0 }), /cacheBytes is 0/],
  ['cacheBytes, NaN', () => writeWith({ cacheBytes: Number.NaN }), /cacheBytes is NaN/],
  ['temperature', () => writeWith({ temperature: -1 }), /temperature is -1, not a number from 0/],
  ['temperature, NaN', () => writeWith({ temperature: Number.NaN }), /temperature is NaN/],
  ['topP', () => writeWith({ temperature: 1, topP: 0 }), /topP is 0, not a number above 0/],
  ['topP in percent', () => writeWith({ temperature: 1, topP: 90 }), /topP is 90, not a number/],
  ['topP alone', () => writeWith({ topP: 0.9 }), /nothing is drawn at temperature 0/],
  ['seed', () => writeWith({ seed: Number.NaN }), /seed is NaN, not a whole number/],
  ['a great seed', () => writeWith({ seed: 2 ** 40 }), /seed is 1099511627776/],
  ['hooks', () => writeWith({ hooks: { hook_resid: () => {} } }), /No hook point "hook_resid"/],
  ['near hooks', () => writeWith({ hooks: { hook_embd: () => {} } }), /mean "hook_embed"\?/],
  ['hooks that are none', () => writeWith({ hooks: { hook_embed: 1 } }), /hook at hook_embed is 1/],
  ['a list of hooks', () => writeWith({ hooks: [() => {}] }), /hooks is a list of 1/],
  [
    'a hook that comes later',
    () => writeWith({ hooks: { hook_embed: async () => {} } }),
    /What the hook at hook_embed returned is a Promise, not a tensor/,
  ],
  [
    'a hook of another shape',
    () => writeWith({ hooks: { hook_embed: () => tf.zeros([1]) } }),
    /hook at hook_embed returned float32 \[1\] in place of float32 \[1,3,/,
  ],
  [
    'a hook of another type',
    () => writeWith({ hooks: { hook_embed: (h: tf.Tensor) => tf.cast(h, 'int32') } }),
    /returned int32 .* in place of float32/,
  ],
  [
    'prefill without options',
    () => prefill(model, ids, undefined as Any),
    /prefill: options is und/,
  ],
  ['prefill of nothing', () => prefill(model, [], { edits: [] }), /prefill: there are no prompts/],
  ['prefill without edits', () => prefill(model, ids, {} as Any), /prefill: edits is undefined/],
  ['padding of nothing', () => leftPad([]), /leftPad: there are no prompts/],
  ['padding of text', () => leftPad(['ab'] as Any), /leftPad: prompt 0 is "ab"/],
  ['padding with', () => leftPad(ids, 0.5), /leftPad: padId is 0\.5/],
  ['a run of nothing', () => look({}, []), /there are no prompts/],
  [
    'a run, names',
    () => look({ names: residPost(0) }),
    /names is "blocks\.0.*, not a list of names/,
  ],
  ['a run, a number', () => look({ names: [0] }), /a name is 0, not the name of a point/],
  ['a run, a near name', () => look({ names: ['q0'] }), /mean "blocks\.0\.attn\.hook_q"\?/],
  ['a run, a wrong name', () => look({ name: () => true }), /no "name" .* mean "names"\?/],
  ['a run, logits', () => look({ logits: 'lst' }), /logits is "lst", not one of all, last, none/],
  ['a run, edits', () => look({ edits: [add()] }), /runWithCache: edits\[0\] is an object/],
  ['a pass, a wrong name', () => pass({ pad: [0] }), /no "pad" .*Did you mean "pads"\?/],
  [
    'a pass, edits',
    () => pass({ edits: [[add()]] }),
    /steering: new Steering\(edits, model.config\)/,
  ],
  [
    'a pass, bare edits',
    () => pass({ steering: [[add()]] }),
    /steering is a list of 1 .*, not a Steering/,
  ],
  ['a pass, pads', () => pass({ pads: [0, 0] }), /pads: 2 numbers for 1 rows/],
  [
    'a pass, a row of pads',
    () => pass({ pads: [3] }),
    /pads\[0\] is 3, not a whole number from 0 to 2/,
  ],
  ['a pass, a negative pad', () => pass({ pads: [-1] }), /pads\[0\] is -1/],
  ['a pass, promptEnd', () => pass({ promptEnd: '2' }), /promptEnd is "2"/],
  ['a pass, lengths', () => pass({ lengths: [] }), /lengths: 0 numbers for 1 rows/],
  ['a pass, logits', () => pass({ logits: true }), /logits is true, not one of/],
  ['a pass, graph', () => pass({ graph: 'off' }), /graph is "off", not a boolean/],
  ['a pass, cache', () => pass({ cache: {} }), /cache is an object \{\}, not a KVCache/],
  ['a pass, rows of a cache', () => pass({ cache: cacheOf(2) }), /1 rows of ids for a cache of 2/],
  ['a pass, pads twice', () => pass({ cache: cacheOf(1), pads: [1] }), /are the cache's/],
  ['a pass, mask', () => pass({ mask: [[0]] }), /mask is a list of 1 .*not a tensor/],
  [
    'a pass, the shape of a mask',
    () => tf.tidy(() => pass({ mask: tf.zeros([1, 1, 3, 2]) })),
    /mask has shape \[1,1,3,2\], not \[1, 1, 3, 3\]/,
  ],
  [
    'steering of other rows',
    () => pass({ steering: new Steering([[], []], model.config) }),
    /Steering of 2 rows in a pass of 1/,
  ],
  [
    'steering of a bare edit',
    () => new Steering([add()] as Any, model.config),
    /rows\[0\] is an obj/,
  ],
  [
    'rows of steering',
    () => new Steering([[]], model.config).selectRows([1]),
    /row is 1, not .*0 to 0/,
  ],
  ['a trunk', () => new Branches([{ trunk: 1, edits: [] }], 1, model.config), /trunk is 1/],
  [
    'steering that was disposed',
    () => {
      const steering = new Steering([[add()]] as Any, model.config);
      steering.dispose();
      return pass({ steering });
    },
    /Steering was disposed/,
  ],
  [
    'a cache that was disposed',
    () => {
      const cache = cacheOf(1);
      pass({ cache }).dispose();
      cache.dispose();
      return pass({ cache }, [[1]]);
    },
    /the cache was disposed/,
  ],
  [
    'caches of nothing in common',
    () => {
      const cache = cacheOf(1);
      pass({ cache }).dispose();
      try {
        return cache.join(cacheOf(1));
      } finally {
        cache.dispose();
      }
    },
    /different models, or one was disposed/,
  ],
  ['pads of a cache', () => new KVCache([0.5], [1]), /KVCache: pads: a value is 0\.5/],
  ['rows of a cache', () => new KVCache([0, 0], [1]), /2 pads and 1 promptEnds/],
  ['rows to keep', () => cacheOf(2).selectRows([2]), /a row is 2, not a whole number from 0 to 1/],
  ['no rows to keep', () => cacheOf(2).selectRows([]), /there are no rows/],
  ['texts to judge', () => meanNll(model, 'text' as Any), /texts is "text", not a list of texts/],
  ['a text to judge', () => meanNll(model, ['text'] as Any), /text 0 is "text", not a list/],
  ['an id to judge', () => meanNll(model, [[1, 999]]), /text 0: token id 999 is outside/],
  ['options to judge', () => meanNll(model, ids, { batch: 2 } as Any), /no "batch"/],
  ['batches to judge', () => meanNll(model, ids, { batchSize: 0 }), /batchSize is 0/],
  [
    'a draw at 0',
    () => draw(unit, { temperature: 0 }, 0.5),
    /temperature is 0, not a number above/,
  ],
  ['a draw at 1', () => draw(unit, {}, 1), /random is 1, not a number in \[0, 1\)/],
  ['a point', () => residPost(-1), /residPost: layer is -1/],
  ['points', () => hookNames(1.5), /nLayers is 1\.5/],
];

for (const [what, run, message] of CASES) {
  test(`refused: ${what}`, async () => {
    let error: unknown;
    try {
      await run();
    } catch (thrown) {
      error = thrown;
    }
    assert.is(tf.memory().numTensors, held, 'no tensor is left');
    assert.instance(error, InputError);
    assert.match((error as Error).message, message);
  });
}

test('what is right is not refused', async () => {
  assert.equal(await generate(model, [], { maxNewTokens: 3 }), []);
  assert.equal(await meanNll(model, []), []);
  assert.equal(await meanNll(model, [[], [1]]), [null, null]);
  const options = { maxNewTokens: 0, edits: [[add()]] as Any, stopIds: undefined, seed: -5 };
  assert.equal(await generate(model, ids, options), [{ tokens: [], stopped: 'length' }]);
  const project = { kind: 'project', layer: 0, vector: Array.from(unit), target: -1 };
  await generate(model, ids, { maxNewTokens: 1, edits: [[project, add()]] as Any });
  tf.tidy(() => pass({ mask: tf.zeros([1, 1, 3, 3]), logits: 'none', pads: [1], lengths: [40] }));
});

test.run();
