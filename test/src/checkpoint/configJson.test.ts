/** Which keys of config.json are read, left unread or refused, against what transformers makes of them. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readConfig as readGemma2 } from '../../../models/gemma2';
import { readConfig as readGPT2 } from '../../../models/gpt2';
import { readConfig as readMistral } from '../../../models/mistral';
import { readConfig as readPhi3 } from '../../../models/phi3';
import { ModelConfig } from '../../../src/checkpoint/configJson';
import { openConfig } from '../../../src/checkpoint/folder';
import { defaultFrequencies } from '../../../src/nn/rope';
import { InputError } from '../../../src/util/errors';

type Values = Record<string, unknown>;
const FAMILIES = { gemma2: readGemma2, gpt2: readGPT2, mistral: readMistral, phi3: readPhi3 };
type Family = keyof typeof FAMILIES;
const families = Object.keys(FAMILIES) as Family[];
const withRope = families.filter((family) => family !== 'gpt2');

/** Reads a config of nothing but its type and these keys. */
function read(family: Family, values: Values) {
  const file = new ModelConfig({ model_type: family, ...values }, 'config.json');
  return { config: FAMILIES[family](file), unread: file.unread };
}

function refuses(family: Family, values: Values, pattern: RegExp) {
  const what = `${family} ${JSON.stringify(values).slice(0, 80)}`;
  assert.throws(
    () => read(family, values),
    (error: Error) => {
      assert.instance(error, InputError, `${what}: ${error.stack}`);
      assert.match(error.message, pattern, what);
      return true;
    },
    what,
  );
}

// ── Defaults ────────────────────────────────────────────────────────────────────────────────────

const { defaults } = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../../fixtures/configs/defaults.json'), 'utf8'),
) as { defaults: Record<Family, Values & { rope_parameters: { rope_theta: number } }> };

test('Gemma-2: what a file does not say is what transformers takes', () => {
  const d = defaults.gemma2;
  assert.equal(read('gemma2', {}).config, {
    nLayers: d.num_hidden_layers,
    dModel: d.hidden_size,
    nHeads: d.num_attention_heads,
    kvHeads: d.num_key_value_heads,
    headDim: d.head_dim,
    vocabSize: d.vocab_size,
    maxPositions: d.max_position_embeddings,
    intermediateSize: d.intermediate_size,
    rmsNormEps: d.rms_norm_eps,
    ropeTheta: d.rope_parameters.rope_theta,
    queryPreAttnScalar: d.query_pre_attn_scalar,
    attnSoftcap: d.attn_logit_softcapping,
    finalSoftcap: d.final_logit_softcapping,
    windows: (d.layer_types as string[]).map((kind) =>
      kind === 'sliding_attention' ? d.sliding_window : null,
    ),
    tied: d.tie_word_embeddings,
  });
});

test('GPT-2: what a file does not say is what transformers takes', () => {
  const d = defaults.gpt2 as Values as Record<string, number>;
  const headDim = d.n_embd / d.n_head;
  assert.equal(read('gpt2', {}).config, {
    nLayers: d.n_layer,
    dModel: d.n_embd,
    nHeads: d.n_head,
    kvHeads: d.n_head,
    headDim,
    vocabSize: d.vocab_size,
    maxPositions: d.n_positions,
    intermediateSize: d.n_inner ?? 4 * d.n_embd,
    layerNormEps: d.layer_norm_epsilon,
    scales: Array(d.n_layer).fill(headDim ** -0.5),
    tied: d.tie_word_embeddings,
  });
  assert.equal([d.scale_attn_weights, d.scale_attn_by_inverse_layer_idx], [true, false]);
});

test('Mistral: what a file does not say is what transformers takes', () => {
  const d = defaults.mistral;
  assert.equal(read('mistral', {}).config, {
    nLayers: d.num_hidden_layers,
    dModel: d.hidden_size,
    nHeads: d.num_attention_heads,
    kvHeads: d.num_key_value_heads,
    headDim: d.head_dim,
    vocabSize: d.vocab_size,
    maxPositions: d.max_position_embeddings,
    intermediateSize: d.intermediate_size,
    rmsNormEps: d.rms_norm_eps,
    ropeTheta: d.rope_parameters.rope_theta,
    window: d.sliding_window,
    tied: d.tie_word_embeddings,
  });
});

test('Phi-3: what a file does not say is what transformers takes', () => {
  const d = defaults.phi3;
  const headDim = (d.hidden_size as number) / (d.num_attention_heads as number);
  assert.equal(read('phi3', {}).config, {
    nLayers: d.num_hidden_layers,
    dModel: d.hidden_size,
    nHeads: d.num_attention_heads,
    kvHeads: d.num_key_value_heads,
    headDim,
    vocabSize: d.vocab_size,
    maxPositions: d.max_position_embeddings,
    changesBeyond: undefined,
    intermediateSize: d.intermediate_size,
    rmsNormEps: d.rms_norm_eps,
    rope: {
      kind: 'default',
      frequencies: defaultFrequencies(headDim, d.rope_parameters.rope_theta),
    },
    window: d.sliding_window,
    tied: d.tie_word_embeddings,
  });
});

for (const family of families) {
  test(`${family}: the config that transformers writes reads as one that says nothing`, () => {
    const { config, unread } = read(family, defaults[family]);
    assert.equal(config, read(family, {}).config);
    assert.equal(unread, []);
  });
}

// ── Keys that nobody asks for ───────────────────────────────────────────────────────────────────

test('keys that transformers ignores are left unread, and named', () => {
  const ignored: Values = {
    ...{
      author: 'x',
      license: 'MIT',
      created_date: '2021-04-28',
      name: 'x',
      tags: [],
      language: 'en',
    },
    ...{ max_length: 20, min_length: 0, do_sample: true, temperature: 0.7, top_k: 50, top_p: 0.9 },
    ...{
      num_beams: 4,
      repetition_penalty: 1.2,
      sep_token_id: 3,
      unk_token_id: 4,
      mask_token_id: 5,
    },
    ...{
      tokenizer_class: 'X',
      prefix: ' ',
      torchscript: false,
      finetuning_task: 'x',
      vocab_file: 'x',
    },
    ...{ unsloth_version: '1', unsloth_fixed: true, neftune_noise_alpha: 5, pretraining_tp: 1 },
    ...{ model_name: 'x', use_bfloat16: true, bos_token: '<s>', hidden_dropout: 0.1, seed: 1 },
    ...{ max_sequence_length: 512, train_batch_size: 8, lora_alpha: 16, _commit_hash: 'x' },
  };
  for (const family of families) {
    for (const [key, value] of Object.entries(ignored)) {
      assert.equal(read(family, { [key]: value }).unread, [key], `${family} ${key}`);
    }
    const { config, unread } = read(family, { ...defaults[family], ...ignored });
    assert.equal(unread, Object.keys(ignored));
    assert.equal(config, read(family, {}).config);
  }
});

test('GPT-2s of other people, as they are on the Hub', () => {
  const common = { n_ctx: 1024, n_inner: null, task_specific_params: { a: {} }, vocab_size: 51200 };
  const bookkeeping = {
    _name_or_path: 'x',
    _num_labels: 1,
    id2label: {},
    label2id: {},
    use_cache: true,
  };
  const theirs = { author: 'x', license: 'CC', created_date: '2021' };
  assert.equal(read('gpt2', { ...common, ...bookkeeping, ...theirs }).unread, Object.keys(theirs));
});

test('what changes the computation of a decoder is refused', () => {
  const computing: Values = {
    ...{ quantization_config: { quant_method: 'gptq' }, per_layer_config: {}, is_causal: false },
    ...{
      logit_scale: 0.0625,
      residual_multiplier: 0.22,
      num_experts: 8,
      alibi: true,
      qk_layernorm: true,
    },
    ...{ use_sliding_window: false, rotary_dim: 64, is_encoder_decoder: true, kv_lora_rank: 512 },
    ...{ num_kv_shared_layers: 2, text_config: {}, no_rope_layers: [1], attention_chunk_size: 512 },
    ...{ transformers_weights: 'other.safetensors', pruned_heads: { 0: [1] } },
  };
  for (const family of families) {
    for (const [key, value] of Object.entries(computing)) {
      refuses(family, { [key]: value }, new RegExp(`does not know for this model type: "${key}"`));
      assert.equal(read(family, { [key]: null }).unread, [], `${key}: null is nothing`);
    }
  }
  for (const key of ['attention_bias', 'mlp_bias']) {
    for (const family of families) refuses(family, { [key]: true }, new RegExp(`"${key}"`));
  }
  refuses('mistral', { use_bidirectional_attention: true }, /"use_bidirectional_attention"/);
  refuses('mistral', { layer_types: ['full_attention'] }, /"layer_types"/);
  refuses('gemma2', { use_bidirectional_attention: true }, /"use_bidirectional_attention" is true/);
  refuses('gpt2', { rope_scaling: { type: 'linear', factor: 2 } }, /"rope_scaling"/);
});

test('values of such keys that change nothing pass', () => {
  const neutral = {
    ...{ is_encoder_decoder: false, is_decoder: true, is_causal: true, add_cross_attention: false },
    ...{ use_bidirectional_attention: false, tie_encoder_decoder: false, pruned_heads: {} },
  };
  for (const family of families) assert.equal(read(family, neutral).unread, []);
});

test('a misspelling is refused with the key that was meant', () => {
  const slips: [Family, string, string][] = [
    ['gemma2', 'attn_logit_softcap', 'attn_logit_softcapping'],
    ['gemma2', 'final_logits_softcapping', 'final_logit_softcapping'],
    ['gemma2', 'query_pre_attn_scaler', 'query_pre_attn_scalar'],
    ['gemma2', 'slidingWindow', 'sliding_window'],
    ['gpt2', 'scale_attn_weight', 'scale_attn_weights'],
    ['gpt2', 'layer_norm_epsillon', 'layer_norm_epsilon'],
    ['gpt2', 'n_embed', 'n_embd'],
    ['mistral', 'rms_norm_epsilon', 'rms_norm_eps'],
    ['mistral', 'norm_rms_eps', 'rms_norm_eps'],
    ['mistral', 'rope_tetha', 'rope_theta'],
    ['mistral', 'num_key_value_head', 'num_key_value_heads'],
    ['phi3', 'tie_embeddings', 'tie_word_embeddings'],
    ['phi3', 'max_positions_embeddings', 'max_position_embeddings'],
    ['phi3', 'rope-scaling', 'rope_scaling'],
  ];
  for (const [family, slip, meant] of slips) {
    const message = new RegExp(`"${slip}" \\(did you mean "${meant}"\\?\\)`);
    refuses(family, { [slip]: 1 }, message);
    // Beside the right key, too: which of the two was edited last?
    refuses(family, { ...defaults[family], [slip]: 1 }, message);
  }
});

// ── Values ──────────────────────────────────────────────────────────────────────────────────────

test('values of another kind are refused', () => {
  const odd: unknown[] = [null, 'x', '', true, [], {}, -1, 0, 2.5, Number.NaN];
  const counts = ['num_hidden_layers', 'hidden_size', 'vocab_size', 'num_attention_heads'];
  for (const family of families) {
    for (const key of [...counts, 'max_position_embeddings']) {
      for (const value of odd) refuses(family, { [key]: value }, new RegExp(`"${key}" is `));
    }
  }
  for (const family of withRope) {
    for (const value of odd.filter((one) => one !== 2.5)) {
      refuses(family, { rms_norm_eps: value }, /"rms_norm_eps" is /);
      refuses(family, { rope_theta: value }, /"rope_theta" is /);
    }
    for (const value of odd.filter((one) => one !== null)) {
      refuses(family, { sliding_window: value }, /"sliding_window" is /);
    }
    for (const value of ['x', '', true, false, [], [{}], -1, 0]) {
      for (const key of ['rope_parameters', 'rope_scaling']) {
        refuses(family, { [key]: value }, new RegExp(`"${key}" is .*, not an object or null`));
      }
    }
    for (const value of [null, 'yes', 1, 0]) {
      refuses(family, { tie_word_embeddings: value }, /"tie_word_embeddings" is .* true or false/);
    }
  }
  for (const value of [null, 144.5, '256']) {
    refuses('gemma2', { query_pre_attn_scalar: value }, /"query_pre_attn_scalar" is /);
  }
  for (const key of ['attn_logit_softcapping', 'final_logit_softcapping']) {
    for (const value of [0, -1, '50', true])
      refuses('gemma2', { [key]: value }, /softcapping" is /);
    read('gemma2', { [key]: null });
  }
  for (const value of [['full_attention'], Array(26).fill('chunked_attention'), 'full_attention']) {
    refuses('gemma2', { layer_types: value }, /"layer_types" is /);
  }
});

test('null is a value where transformers takes it for one', () => {
  assert.equal(read('mistral', { head_dim: null }), read('mistral', {}));
  assert.equal(read('phi3', { num_key_value_heads: null }), read('phi3', {}));
  assert.equal(read('gpt2', { n_inner: null }), read('gpt2', {}));
  refuses('mistral', { num_key_value_heads: null }, /"num_key_value_heads" is null/);
  refuses('gemma2', { head_dim: null }, /"head_dim" is null/);
});

test("GPT-2's sizes under their common names, as transformers takes them", () => {
  const common = { hidden_size: 64, num_hidden_layers: 3, num_attention_heads: 4 };
  const own = { n_embd: 64, n_layer: 3, n_head: 4 };
  assert.equal(read('gpt2', { ...common, max_position_embeddings: 32 }).config, {
    ...read('gpt2', { ...own, n_positions: 32 }).config,
  });
  assert.equal(read('gpt2', { ...common, ...own }), read('gpt2', own));
  assert.equal(read('gpt2', { ...own, n_ctx: 8 }), read('gpt2', own), 'an old name of no effect');
  refuses('gpt2', { ...own, hidden_size: 32 }, /"hidden_size" is 32, not one of 64/);
});

test('sizes beyond any model are refused before anything is made of that size', () => {
  for (const family of families) {
    for (const n of [1e7, 2 ** 53 - 1]) {
      refuses(family, { num_hidden_layers: n }, /"num_hidden_layers" is \d+, not at most 65536/);
    }
  }
  for (const family of withRope) {
    refuses(family, { head_dim: 2 ** 40 }, /"head_dim" is \d+, not at most 65536/);
  }
  refuses('phi3', { hidden_size: 2 ** 50 }, /"head_dim"/);
});

// ── Rotary embeddings ───────────────────────────────────────────────────────────────────────────

test('every kind of rotary embedding but the plain one is refused, wherever it stands', () => {
  const kinds: Values[] = [
    { type: 'linear', factor: 2 },
    { rope_type: 'linear', factor: 2 },
    { rope_type: 'dynamic', factor: 2 },
    { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 4096 },
    {
      ...{ rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
      original_max_position_embeddings: 8192,
    },
    { rope_type: 'proportional', partial_rotary_factor: 0.25 },
    { rope_type: null, rope_theta: 5 },
    { type: 'default', rope_type: 'linear', factor: 2 },
  ];
  for (const family of withRope) {
    for (const kind of kinds) {
      for (const key of ['rope_scaling', 'rope_parameters']) {
        refuses(family, { [key]: kind }, new RegExp(`${key}: "(rope_)?type" is `));
      }
    }
  }
  for (const family of ['gemma2', 'mistral'] as const) {
    const longrope = { rope_type: 'longrope', short_factor: [1], long_factor: [1] };
    refuses(family, { rope_scaling: longrope }, /"rope_type" is "longrope"/);
    refuses(family, { partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0\.5/);
    const nested = { full_attention: { rope_type: 'default', rope_theta: 1e6 } };
    refuses(family, { rope_parameters: nested }, /rope_parameters has keys .*"full_attention"/);
  }
});

test('rope_scaling and rope_parameters side by side must say the same', () => {
  const plain = { rope_type: 'default', rope_theta: 500 };
  for (const family of withRope) {
    for (const scaling of [
      { type: 'linear', factor: 2 },
      { ...plain, rope_theta: 7 },
    ]) {
      const both = { rope_parameters: plain, rope_scaling: scaling };
      refuses(family, both, /"rope_parameters" is .* \(there is "rope_scaling" already\)/);
    }
    const wanted = read(family, { rope_parameters: plain });
    assert.equal(read(family, { rope_parameters: plain, rope_scaling: plain }), wanted);
    // Empty is none, in transformers too.
    for (const nothing of [{}, null]) {
      assert.equal(read(family, { rope_parameters: plain, rope_scaling: nothing }), wanted);
    }
    assert.equal(read(family, { rope_theta: 500 }).config, wanted.config);
    assert.equal(read(family, { rope_theta: 9, rope_parameters: plain }).config, wanted.config);
    assert.equal(
      read(family, { rope_theta: 500, rope_scaling: { type: 'default' } }).config,
      wanted.config,
    );
  }
});

test('the inner values of a rotary embedding are checked as the outer ones', () => {
  for (const family of withRope) {
    for (const rope_theta of [null, 0, -1, '10000', true]) {
      const inner = { rope_type: 'default', rope_theta };
      refuses(family, { rope_parameters: inner }, /rope_parameters: "rope_theta" is /);
    }
    const extra = { rope_type: 'default', rope_tetha: 5 };
    refuses(family, { rope_parameters: extra }, /"rope_tetha" \(did you mean "rope_theta"\?\)/);
  }
  const factors = Array(48).fill(1);
  const longrope = { rope_type: 'longrope', short_factor: factors, long_factor: factors };
  for (const [key, values] of Object.entries({
    short_factor: [null, 1, [], factors.with(3, 0), factors.with(3, '1'), factors.slice(1)],
    factor: [0, -2, '4', true],
    attention_factor: [0, -1, '1', false],
    original_max_position_embeddings: [0, 4095, '4096', null],
    partial_rotary_factor: [0, -1, 2, null, '0.5'],
  })) {
    for (const value of values) {
      refuses('phi3', { rope_scaling: { ...longrope, [key]: value } }, new RegExp(`"${key}" is `));
    }
  }
});

// ── Files ───────────────────────────────────────────────────────────────────────────────────────

test('a place without a config: what is there, and what to do', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-config-'));
  const open = (place: unknown) => () => openConfig(place as string);
  const says = (place: unknown, pattern: RegExp) =>
    assert.throws(open(place), (error: Error) => {
      return error instanceof InputError && pattern.test(error.message);
    });
  try {
    says(path.join(dir, 'gone'), /gone: no such folder.*findModelFolder/);
    says('tiny-gemma2', /^tiny-gemma2: no such folder.*findModelFolder\("tiny-gemma2"\)/);
    says(dir, /is a folder, but holds no config\.json/);
    says(undefined, /folder must be text, not undefined/);
    says(7, /folder must be text, not 7/);
    says('a\0b', /folder must be text, not "a\\u0000b"/);
    const file = path.join(dir, 'config.json');
    says(file, /is not a folder|no such folder/);
    fs.writeFileSync(file, '{');
    says(file, /config\.json: is a file; give the folder that holds config\.json/);
    says(dir, /config\.json is not JSON/);
    fs.writeFileSync(file, '[]');
    says(dir, /is not a JSON object/);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});

test.run();
