/**
 * Every architecture but Gemma-2: their configs, checkpoints as they are published, caches and hooks.
 * That the numbers are those of transformers is for test/src/verify/index.test.ts to say.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../models';
import { readConfig as readGPT2 } from '../../models/gpt2';
import { readConfig as readMistral } from '../../models/mistral';
import { readConfig as readPhi3 } from '../../models/phi3';
import { useBackend } from '../../src/backend';
import { ModelConfig } from '../../src/checkpoint/configJson';
import { generate } from '../../src/engine/generate';
import { hookNames } from '../../src/engine/hooks';
import { KVCache } from '../../src/engine/kvCache';
import type { CausalLM, ForwardOptions } from '../../src/engine/model';
import { leftPad } from '../../src/engine/prefill';
import { runWithCache } from '../../src/engine/runWithCache';
import { InputError } from '../../src/util/errors';
import { seededRandom } from '../../src/util/random';
import type { TensorData } from '../../weights/safetensors';
import { f32, rewritten } from '../src/checkpoint/rewritten';

const fixtures = path.join(__dirname, '../fixtures');
const NAMES = [
  ...fs.readdirSync(fixtures).filter((name) => /^(gpt2|mistral|phi3)-/.test(name)),
  ...['gemma3-bf16-sharded', 'gemma3mm-linear-f32', 'llama-yarn-old-config', 'qwen3-yarn-f16'],
  ...['olmo2-mqa-biases-rope3-f32', 'qwen2-upper-window-tied-f32'],
];
const THREE_BLOCKS = ['gemma3mm-linear-f32', 'olmo2-mqa-biases-rope3-f32', 'qwen3-yarn-f16'];
const LONGROPE = 'phi3-longrope-gqa';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-models-'));
const models = new Map<string, CausalLM>();

test.before(async () => {
  await useBackend();
  for (const name of NAMES) models.set(name, loadModel(path.join(fixtures, name)));
});
test.after(() => fs.rmSync(scratch, { recursive: true }));

function prompt(n: number, seed = n): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => Math.floor(random() * 61));
}

/** Logits as rows of V numbers, [B][T][V]. */
function forward(model: CausalLM, ids: number[][], options: ForwardOptions = {}): number[][][] {
  const logits = model.forward(ids, options);
  const values = logits.arraySync();
  logits.dispose();
  return values;
}

function close(found: number[], wanted: number[], what: string) {
  assert.is(found.length, wanted.length, what);
  const worst = Math.max(...found.map((x, i) => Math.abs(x - wanted[i])));
  const size = Math.sqrt(wanted.reduce((sum, x) => sum + x * x, 0) / wanted.length);
  assert.ok(worst <= 1e-4 * size, `${what}: off by ${worst} at a size of ${size}`);
}

const refuses = (run: () => unknown, pattern: RegExp) =>
  assert.throws(run, (error: unknown) => {
    assert.instance(error, InputError);
    assert.match((error as Error).message, pattern);
    return true;
  });

// ── Cache and padding ───────────────────────────────────────────────────────────────────────────

for (const name of NAMES) {
  test(`${name}: token by token through the cache = every beginning alone`, () => {
    const model = models.get(name) as CausalLM;
    const before = tf.memory().numTensors;
    const ids = prompt(24);
    const cache = new KVCache([0], [24]);
    let at = 0;
    for (const size of [6, 1, 1, 1, 2, 1, 1, 1, 1, 1, 4, 1, 1, 2]) {
      const [rows] = forward(model, [ids.slice(at, at + size)], { cache });
      at += size;
      // With LongRoPE the columns of one pass have one kind of frequencies, so the last is compared.
      close(rows[size - 1], forward(model, [ids.slice(0, at)])[0][at - 1], `column ${at - 1}`);
    }
    assert.is(cache.length, 24);
    cache.dispose();
    assert.is(tf.memory().numTensors, before, 'no tensor is left');
  });

  test(`${name}: a padded batch = each row alone, whatever fills the padding`, () => {
    const model = models.get(name) as CausalLM;
    const prompts = [prompt(4), prompt(21), prompt(1), prompt(11)];
    for (const padId of [0, 31]) {
      const { ids, pads } = leftPad(prompts, padId);
      const batch = forward(model, ids, { pads });
      prompts.forEach((row, b) => {
        close(batch[b].slice(pads[b]).flat(), forward(model, [row])[0].flat(), `row ${b}`);
      });
    }
  });
}

test('every point is kept, and block by block they add up', () => {
  for (const name of [
    'phi3-longrope-gqa',
    'mistral-wide-heads',
    'gpt2-bare-masks',
    ...THREE_BLOCKS,
  ]) {
    const model = models.get(name) as CausalLM;
    const { logits, cache } = runWithCache(model, [prompt(5), prompt(8)]);
    assert.equal([...cache.keys()], hookNames(3));
    const values = (point: string) => Array.from((cache.get(point) as tf.Tensor).dataSync());
    for (const l of [0, 1, 2]) {
      const at = (point: string) => values(`blocks.${l}.hook_${point}`);
      const sum = (a: number[], b: number[]) => a.map((x, i) => x + b[i]);
      close(
        at('resid_pre'),
        l ? values(`blocks.${l - 1}.hook_resid_post`) : values('hook_embed'),
        name,
      );
      close(at('resid_mid'), sum(at('resid_pre'), at('attn_out')), name);
      close(at('resid_post'), sum(at('resid_mid'), at('mlp_out')), name);
    }
    tf.dispose([logits, ...cache.values()]);
  }
});

// ── LongRoPE ────────────────────────────────────────────────────────────────────────────────────

test('rows of a batch pass the limit of 16 tokens each at its own step', () => {
  const model = models.get(LONGROPE) as CausalLM;
  assert.is(model.config.changesBeyond, 16);
  const rows = [prompt(20), prompt(13), prompt(16), prompt(5)];
  const { ids, pads } = leftPad(rows);
  const cache = new KVCache(
    pads,
    pads.map(() => 20),
  );
  forward(model, ids, { cache });
  for (let step = 0; step < 8; step++) {
    for (const [b, row] of rows.entries()) row.push((7 * step + 11 * b) % 61);
    const logits = forward(
      model,
      rows.map((row) => row.slice(-1)),
      { cache },
    );
    rows.forEach((row, b) => {
      close(logits[b][0], forward(model, [row])[0].at(-1) as number[], `row ${b}, step ${step}`);
    });
  }
  cache.dispose();
});

test('a pass that starts over gives the columns that were asked for', () => {
  const model = models.get(LONGROPE) as CausalLM;
  const ids = prompt(19);
  const [whole] = forward(model, [ids]);
  for (const logits of ['all', 'last', 'none'] as const) {
    const cache = new KVCache([0], [19]);
    forward(model, [ids.slice(0, 14)], { cache });
    const found = model.forward([ids.slice(14)], { cache, logits });
    const wanted = { all: whole.slice(14), last: whole.slice(18), none: [] }[logits];
    assert.equal(found.shape, [1, wanted.length, 97]);
    if (wanted.length) close([...found.dataSync()], wanted.flat(), logits);
    assert.is(cache.length, 19);
    tf.dispose(found);
    cache.dispose();
  }
});

test('pieces that say how long the text will be = the text in one pass', () => {
  const model = models.get(LONGROPE) as CausalLM;
  const ids = prompt(22);
  const [whole] = forward(model, [ids]);
  const cache = new KVCache([0], [22]);
  for (const [from, to] of [
    [0, 9],
    [9, 15],
    [15, 22],
  ]) {
    const [rows] = forward(model, [ids.slice(from, to)], { cache, lengths: [22] });
    close(rows.flat(), whole.slice(from, to).flat(), `columns from ${from}`);
  }
  cache.dispose();
});

test('rows that leave the batch before the limit leave the others right', async () => {
  const model = models.get(LONGROPE) as CausalLM;
  const prompts = [prompt(12), prompt(9, 3), prompt(14, 5)];
  const alone = await Promise.all(
    prompts.map(async (ids) => (await generate(model, [ids], { maxNewTokens: 10 }))[0].tokens),
  );
  // The second row's third token ends it, before any row passes the limit.
  const stop = alone[1][2];
  const stopped = alone.map((tokens) => {
    const at = tokens.indexOf(stop);
    return at < 0 ? tokens : tokens.slice(0, at);
  });
  const together = await generate(model, prompts, { maxNewTokens: 10, stopIds: [stop] });
  assert.equal(
    together.map(({ tokens }) => tokens),
    stopped,
  );
  assert.ok(
    stopped.some(({ length }) => length === 10),
    'one goes on past the limit',
  );
});

// ── Configs ─────────────────────────────────────────────────────────────────────────────────────

const config = (values: object) =>
  new ModelConfig(values as Record<string, unknown>, 'config.json');

/** The keys of the published files, as far as they say something about the computation. */
const PHI_35 = {
  architectures: ['Phi3ForCausalLM'],
  attention_bias: false,
  auto_map: {},
  embd_pdrop: 0,
  hidden_act: 'silu',
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  model_type: 'phi3',
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  original_max_position_embeddings: 4096,
  resid_pdrop: 0,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    long_factor: Array(48).fill(8) as number[],
    short_factor: Array(48).fill(2) as number[],
    type: 'longrope',
  } as Record<string, unknown>,
  rope_theta: 10000,
  sliding_window: 262144,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  vocab_size: 32064,
};
const MISTRAL = {
  hidden_act: 'silu',
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  model_type: 'mistral',
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  vocab_size: 32000,
};
const GPT2_MEDIUM = {
  activation_function: 'gelu_new',
  attn_pdrop: 0.1,
  embd_pdrop: 0.1,
  layer_norm_epsilon: 1e-5,
  model_type: 'gpt2',
  n_ctx: 1024,
  n_embd: 1024,
  n_head: 16,
  n_layer: 24,
  n_positions: 1024,
  n_special: 0,
  predict_special_tokens: true,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: 'cls_index',
  summary_use_proj: true,
  task_specific_params: { 'text-generation': { do_sample: true, max_length: 50 } },
  vocab_size: 50257,
};

test('Phi-3.5 as it is published: LongRoPE of 4096 in 131072', () => {
  const c = readPhi3(config(PHI_35));
  assert.equal([c.headDim, c.kvHeads, c.window, c.changesBeyond], [96, 32, 262144, 4096]);
  if (c.rope.kind !== 'longrope') throw new Error(c.rope.kind);
  // √(1 + ln 32 / ln 4096), and theta^(−2i/d) over the factor.
  assert.ok(Math.abs(c.rope.attentionFactor - 1.190238) < 1e-6);
  assert.ok(Math.abs(c.rope.long[24] - 0.01 / 8) < 1e-9);
  assert.ok(Math.abs(c.rope.short[0] - 0.5) < 1e-9);
});

test('the ways to write the same rotary embedding read the same', () => {
  const { rope_scaling, rope_theta, torch_dtype, ...rest } = PHI_35;
  const { type: _, ...factors } = rope_scaling;
  const partial = { long_factor: Array(36).fill(8), short_factor: Array(36).fill(2) };
  const same: [object, object][] = [
    [PHI_35, { ...PHI_35, rope_scaling: { ...factors, type: 'su' } }],
    [PHI_35, { ...PHI_35, rope_scaling: { ...factors, rope_type: 'longrope', type: 'su' } }],
    [PHI_35, { ...PHI_35, rope_scaling: { ...rope_scaling, factor: 32 } }],
    [
      PHI_35,
      {
        ...rest,
        dtype: torch_dtype,
        rope_parameters: {
          ...factors,
          rope_type: 'longrope',
          rope_theta,
          partial_rotary_factor: 1,
          original_max_position_embeddings: 4096,
        },
      },
    ],
    [
      { ...PHI_35, partial_rotary_factor: 0.75, rope_scaling: { ...partial, type: 'longrope' } },
      {
        ...rest,
        rope_parameters: {
          ...partial,
          rope_type: 'longrope',
          rope_theta,
          partial_rotary_factor: 0.75,
        },
      },
    ],
    [
      { ...PHI_35, rope_scaling: null },
      { ...rest, rope_parameters: { rope_type: 'default', rope_theta } },
    ],
  ];
  for (const [a, b] of same) assert.equal(readPhi3(config(b)), readPhi3(config(a)));
});

test('Mistral as it is published: a window in v0.1, none in v0.2, that of v0.1 by default', () => {
  const windows = [4096, null, undefined].map((sliding_window) => {
    const c = readMistral(
      config({ ...MISTRAL, ...(sliding_window !== undefined && { sliding_window }) }),
    );
    assert.equal([c.headDim, c.kvHeads, c.tied], [128, 8, false]);
    return c.window;
  });
  assert.equal(windows, [4096, null, 4096]);
  const wide = readMistral(config({ ...MISTRAL, head_dim: 160, rope_theta: 1e6 }));
  assert.equal([wide.headDim, wide.ropeTheta], [160, 1e6]);
});

test('GPT-2 as it is published', () => {
  const c = readGPT2(config(GPT2_MEDIUM));
  assert.equal([c.headDim, c.intermediateSize, c.maxPositions, c.tied], [64, 4096, 1024, true]);
  assert.equal(c.scales, Array(24).fill(0.125));
});

const longrope = (change: object) => ({ rope_scaling: { ...PHI_35.rope_scaling, ...change } });
const refused: [string, (file: ModelConfig) => unknown, object, object, RegExp][] = [
  ['phi3', readPhi3, PHI_35, longrope({ type: 'yarn' }), /rope_scaling: "type" is "yarn"/],
  ['phi3', readPhi3, PHI_35, longrope({ type: 'linear' }), /"type" is "linear"/],
  [
    'phi3',
    readPhi3,
    PHI_35,
    longrope({ rope_type: 'default' }),
    /"rope_type" is "default", not of the kind/,
  ],
  [
    'phi3',
    readPhi3,
    PHI_35,
    longrope({ short_factor: [1, 2] }),
    /"short_factor" is \[1,2\], not a list of 48/,
  ],
  ['phi3', readPhi3, PHI_35, longrope({ long_factor: undefined }), /"long_factor" is missing/],
  ['phi3', readPhi3, PHI_35, longrope({ short_mscale: 1.1 }), /"short_mscale"/],
  [
    'phi3',
    readPhi3,
    PHI_35,
    longrope({ original_max_position_embeddings: 2048 }),
    /original_max.* is 2048/,
  ],
  [
    'phi3',
    readPhi3,
    PHI_35,
    { rope_parameters: { rope_type: 'default' } },
    /there is "rope_scaling" already/,
  ],
  [
    'phi3',
    readPhi3,
    PHI_35,
    { partial_rotary_factor: 0.5 },
    /"short_factor".* 24 positive numbers/,
  ],
  ['phi3', readPhi3, PHI_35, { partial_rotary_factor: 1.5 }, /"partial_rotary_factor" is 1\.5/],
  ['phi3', readPhi3, PHI_35, { hidden_act: 'gelu' }, /"hidden_act" is "gelu"/],
  ['phi3', readPhi3, PHI_35, { attention_bias: true }, /"attention_bias" is true/],
  [
    'phi3',
    readPhi3,
    PHI_35,
    { num_key_value_heads: 5 },
    /"num_key_value_heads" is 5, not a divisor of 32/,
  ],
  ['phi3', readPhi3, PHI_35, { sliding_window: 0 }, /"sliding_window" is 0/],
  ['phi3', readPhi3, PHI_35, { tie_word_embeddings: 'no' }, /"tie_word_embeddings" is "no"/],
  ['phi3', readPhi3, PHI_35, { quantization_config: {} }, /"quantization_config"/],
  ['mistral', readMistral, MISTRAL, { hidden_act: 'relu' }, /"hidden_act" is "relu"/],
  [
    'mistral',
    readMistral,
    MISTRAL,
    { rope_scaling: { type: 'dynamic', factor: 2 } },
    /"type" is "dynamic"/,
  ],
  ['mistral', readMistral, MISTRAL, { head_dim: 7 }, /"head_dim" is 7, not a positive even number/],
  ['mistral', readMistral, MISTRAL, { layer_types: [] }, /"layer_types"/],
  [
    'mistral',
    readMistral,
    MISTRAL,
    { sliding_windw: 8 },
    /"sliding_windw" \(did you mean "sliding_window"\?\)/,
  ],
  [
    'gpt2',
    readGPT2,
    GPT2_MEDIUM,
    { activation_function: 'gelu' },
    /"activation_function" is "gelu"/,
  ],
  ['gpt2', readGPT2, GPT2_MEDIUM, { add_cross_attention: true }, /"add_cross_attention" is true/],
  ['gpt2', readGPT2, GPT2_MEDIUM, { n_head: 15 }, /"n_head" is 15, not a divisor of 1024/],
  ['gpt2', readGPT2, GPT2_MEDIUM, { alibi: true }, /"alibi"/],
];
for (const [family, read, base, change, message] of refused) {
  test(`${family}: refused with ${JSON.stringify(change).slice(0, 60)}`, () => {
    read(config(base));
    refuses(() => read(config({ ...base, ...change })), message);
  });
}

test('a model type that is missing, unknown, or no word', () => {
  const typed = (model_type: unknown) =>
    rewritten(
      scratch,
      'gpt2-bare-masks',
      (_, values) => void Object.assign(values, { model_type }),
    );
  refuses(
    () => loadModel(typed(undefined)),
    /"model_type" is missing, not one of gemma2, gemma3, gemma3_text, gpt2/,
  );
  refuses(() => loadModel(typed(['gpt2'])), /"model_type" is \["gpt2"\], not one of/);
  refuses(() => loadModel(typed('toString')), /model_type "toString" is not supported/);
  refuses(() => loadModel(typed('gemma-2')), /"gemma-2" is not supported.*Did you mean "gemma2"\?/);
});

// ── Checkpoints ─────────────────────────────────────────────────────────────────────────────────

test('GPT-2: the same tensors with the prefix, and masks of one byte, give the same logits', () => {
  const dir = rewritten(scratch, 'gpt2-bare-masks', (tensors) => {
    for (const name of Object.keys(tensors)) {
      tensors[`transformer.${name}`] = tensors[name];
      delete tensors[name];
    }
    for (const [l, dtype] of (['BOOL', 'U8', 'F16'] as const).entries()) {
      const bytes = new Uint8Array(32 * 32 * (dtype === 'F16' ? 2 : 1)).fill(1);
      tensors[`transformer.h.${l}.attn.bias`] = { dtype, shape: [1, 1, 32, 32], data: bytes };
    }
    // A mask of a longer context, as in fine-tunes that shortened it.
    tensors['transformer.h.2.attn.bias'] = f32(1, 1, 64, 64);
    tensors['lm_head.weight'] = tensors['transformer.wte.weight'];
  });
  const model = loadModel(dir);
  const bare = models.get('gpt2-bare-masks') as CausalLM;
  assert.equal(forward(model, [prompt(9)]), forward(bare, [prompt(9)]));
  model.dispose();
});

const broken: [string, string, (tensors: Record<string, TensorData>) => void, RegExp[]][] = [
  [
    'a bias where there is none',
    'gpt2-bare-masks',
    (tensors) => {
      tensors['h.1.mlp.bias'] = f32(1, 1, 32, 32);
    },
    [/not used by this model: h\.1\.mlp\.bias/],
  ],
  [
    'missing, misshapen and extra tensors at once',
    'gpt2-bare-masks',
    (tensors) => {
      delete tensors['h.2.ln_1.bias'];
      tensors['h.0.mlp.c_fc.weight'] = f32(144, 36);
      tensors['h.0.crossattention.c_attn.weight'] = f32(36, 72);
    },
    [
      /missing: h\.2\.ln_1\.bias \[36\]/,
      /h\.0\.mlp\.c_fc\.weight is \[144,36\], but config\.json makes it \[36,144\]/,
      /not used by this model: h\.0\.crossattention/,
    ],
  ],
  [
    'an untied head that is not there',
    'mistral-wide-heads',
    (tensors) => void Reflect.deleteProperty(tensors, 'lm_head.weight'),
    [/missing: lm_head\.weight \[77,36\]/],
  ],
  [
    'projections that are not fused',
    LONGROPE,
    (tensors) => {
      tensors['model.layers.1.self_attn.q_proj.weight'] = f32(48, 48);
      delete tensors['model.layers.1.self_attn.qkv_proj.weight'];
      tensors['model.layers.0.mlp.gate_up_proj.weight'] = f32(40, 48);
    },
    [
      /missing: model\.layers\.1\.self_attn\.qkv_proj\.weight \[80,48\]/,
      /gate_up_proj\.weight is \[40,48\], but config\.json makes it \[80,48\]/,
      /not used by this model: model\.layers\.1\.self_attn\.q_proj/,
    ],
  ],
];
for (const [what, name, edit, messages] of broken) {
  test(`${name} is refused with ${what}`, () => {
    const dir = rewritten(scratch, name, edit);
    for (const message of messages) refuses(() => loadModel(dir), message);
  });
}

test.run();
