/**
 * Configs of Llama, Qwen, Gemma 3 and OLMo 2 as they are published and as transformers writes them, and
 * checkpoints for text and images. The numbers are for test/src/verify/index.test.ts to compare.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, readDims } from '../../models';
import { readConfig as readGemma3 } from '../../models/gemma3';
import { readConfig as readLlama } from '../../models/llama';
import { readConfig as readOlmo2 } from '../../models/olmo2';
import { readConfig as readQwen2 } from '../../models/qwen2';
import { readConfig as readQwen3 } from '../../models/qwen3';
import { useBackend } from '../../src/backend';
import { ModelConfig } from '../../src/checkpoint/configJson';
import { refusal } from '../refusal';
import { f32, rewritten } from '../src/checkpoint/rewritten';

type Values = Record<string, unknown>;
const READERS = {
  gemma3_text: readGemma3,
  llama: readLlama,
  olmo2: readOlmo2,
  qwen2: readQwen2,
  qwen3: readQwen3,
};
type Family = keyof typeof READERS;
const families = Object.keys(READERS) as Family[];

const fixtures = path.join(__dirname, '../fixtures');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-families-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));

function read<F extends Family>(family: F, values: Values) {
  const file = new ModelConfig({ model_type: family, ...values }, 'config.json');
  return { config: READERS[family](file) as ReturnType<(typeof READERS)[F]>, unread: file.unread };
}

// ── Defaults ────────────────────────────────────────────────────────────────────────────────────

const { defaults } = JSON.parse(
  fs.readFileSync(path.join(fixtures, 'configs/defaults.json'), 'utf8'),
) as { defaults: Record<Family, Values> };

for (const family of families) {
  test(`${family}: what a file does not say is what transformers takes`, () => {
    const { config, unread } = read(family, defaults[family]);
    assert.equal(config, read(family, {}).config);
    assert.equal(unread, []);
    const d = defaults[family] as Record<string, number>;
    assert.equal(
      [config.nLayers, config.dModel, config.nHeads, config.kvHeads, config.vocabSize],
      [
        ...[d.num_hidden_layers, d.hidden_size, d.num_attention_heads],
        ...[d.num_key_value_heads, d.vocab_size],
      ],
    );
    assert.equal(
      [config.intermediateSize, config.maxPositions, config.rmsNormEps, config.tied],
      [
        ...[d.intermediate_size, d.max_position_embeddings, d.rms_norm_eps],
        Boolean(d.tie_word_embeddings),
      ],
    );
    assert.is(config.headDim, d.head_dim ?? d.hidden_size / d.num_attention_heads);
  });
}

// ── Published files ─────────────────────────────────────────────────────────────────────────────

const bookkeeping = {
  ...{ architectures: ['X'], bos_token_id: 1, eos_token_id: [1, 2], torch_dtype: 'bfloat16' },
  ...{ initializer_range: 0.02, attention_dropout: 0, transformers_version: '4.45.0' },
  use_cache: true,
};

test('SmolLM2, TinyLlama and Vicuna say more than they compute', () => {
  const smol = read('llama', {
    ...bookkeeping,
    ...{ hidden_size: 576, num_attention_heads: 9, num_key_value_heads: 3, num_hidden_layers: 30 },
    ...{ rope_theta: 100000, rope_interleaved: false, is_llama_config: true, pretraining_tp: 1 },
    ...{ tie_word_embeddings: true, rope_scaling: null, head_dim: null, mlp_bias: false },
  });
  assert.equal(smol.unread, ['is_llama_config']);
  assert.equal([smol.config.headDim, smol.config.kvHeads, smol.config.tied], [64, 3, true]);
  const vicuna = read('llama', {
    ...{ max_position_embeddings: 4096, rope_scaling: { factor: 4, type: 'linear' } },
    max_sequence_length: 16384,
  });
  assert.equal(vicuna.config.maxPositions, 4096);
});

test("Qwen's windows: named and not used, from a block on, or by a list", () => {
  const named = { sliding_window: 4096, max_window_layers: 2, num_hidden_layers: 4 };
  const windows = (values: Values) => read('qwen2', { ...named, ...values }).config.windows;
  const none = [null, null, null, null];
  assert.equal(windows({ use_sliding_window: false }), none);
  assert.equal(windows({ use_sliding_window: true }), [null, null, 4096, 4096]);
  assert.equal(windows({ use_sliding_window: true, max_window_layers: 0 }), Array(4).fill(4096));
  assert.equal(windows({ use_sliding_window: true, sliding_window: null }), none);
  const types = ['sliding_attention', ...Array(3).fill('full_attention')];
  assert.equal(windows({ use_sliding_window: true, layer_types: types }), [4096, ...none.slice(1)]);
  assert.match(
    refusal(() => windows({ layer_types: types })),
    /"layer_types" is .* there is no window/,
  );
});

test('Gemma 3 4B as it is published: a text part that says little', () => {
  const file = new ModelConfig(
    {
      ...{ architectures: ['Gemma3ForConditionalGeneration'], boi_token_index: 255999 },
      ...{ eoi_token_index: 256000, image_token_index: 262144, mm_tokens_per_image: 256 },
      ...{ model_type: 'gemma3', torch_dtype: 'bfloat16', vision_config: { hidden_size: 1152 } },
      text_config: {
        ...{ hidden_size: 2560, intermediate_size: 10240, model_type: 'gemma3_text' },
        ...{ num_hidden_layers: 34, sliding_window: 1024, author: 'x' },
        rope_scaling: { factor: 8, rope_type: 'linear' },
      },
    },
    'config.json',
  );
  const config = readGemma3(file);
  assert.equal([config.nHeads, config.kvHeads, config.vocabSize], [8, 4, 262208]);
  assert.equal(
    config.windows.flatMap((window, l) => (window === null ? [l] : [])),
    [5, 11, 17, 23, 29],
  );
  assert.equal(file.unread, ['vision_config', 'text_config.author']);
});

// ── What is refused ─────────────────────────────────────────────────────────────────────────────

test('what would be another model is refused, with the key that was meant', () => {
  const refused: [Family, Values, RegExp][] = [
    ['llama', { attention_biass: true }, /"attention_biass" \(did you mean "attention_bias"\?\)/],
    ['llama', { hidden_act: 'gelu' }, /"hidden_act" is "gelu"/],
    ['llama', { num_attention_heads: 30 }, /"num_attention_heads" is 30, not a divisor of 4096/],
    ['llama', { rope_interleaved: true }, /"rope_interleaved" is true/],
    ['llama', { sliding_window: 4096 }, /"sliding_window"/],
    ['llama', { quantization_config: {} }, /"quantization_config"/],
    ['qwen2', { attention_bias: false }, /"attention_bias" is false/],
    ['qwen2', { max_window_layer: 3 }, /"max_window_layer" \(did you mean "max_window_layers"\?\)/],
    ['qwen2', { max_window_layers: -1 }, /"max_window_layers" is -1/],
    ['qwen3', { head_dim: null }, /"head_dim" is null/],
    ['qwen3', { num_experts: 128 }, /"num_experts"/],
    ['olmo2', { clip_qkv: 8 }, /"clip_qkv"/],
    ['gemma3_text', { use_bidirectional_attention: true }, /"use_bidirectional_attention" is true/],
    ['gemma3_text', { attn_logit_softcapping: 50 }, /"attn_logit_softcapping" is 50/],
    ['gemma3_text', { sliding_window: null }, /"sliding_window" is null/],
    ['gemma3_text', { attention_bias: true }, /"attention_bias" is true/],
    ['gemma3_text', { rope_local_base: 5 }, /did you mean "rope_local_base_freq"/],
  ];
  for (const [family, values, pattern] of refused) {
    assert.match(
      refusal(() => read(family, values)),
      pattern,
    );
  }
  const mixed = (values: Values) => () =>
    readGemma3(new ModelConfig({ model_type: 'gemma3', ...values }, 'config.json'));
  const capped = { text_config: { final_logit_softcapping: 30 } };
  assert.match(refusal(mixed(capped)), /text_config: "final_logit_softcapping" is 30/);
  assert.match(refusal(mixed({ hidden_size: 64 })), /"hidden_size"/);
  assert.match(refusal(mixed({ tie_word_embeddings: false })), /"tie_word_embeddings" is false/);
  assert.match(
    refusal(mixed({ text_config: { slidingwindow: 4 } })),
    /text_config.*"sliding_window"/,
  );
});

// ── Text and images ─────────────────────────────────────────────────────────────────────────────

test('of a checkpoint for text and images, only the other parts may be left unread', async () => {
  await useBackend();
  const name = 'gemma3mm-published-bf16';
  assert.is(readDims(path.join(fixtures, name)).dModel, 28);
  const missing = rewritten(scratch, name, (tensors) => {
    delete tensors['language_model.model.norm.weight'];
  });
  assert.match(
    refusal(() => loadModel(missing)),
    /missing: language_model\.model\.norm\.weight \[28\]/,
  );
  const strange = rewritten(scratch, name, (tensors) => {
    tensors['audio_tower.weight'] = f32(4);
  });
  assert.match(
    refusal(() => loadModel(strange)),
    /not used by this model: audio_tower\.weight/,
  );
});

test.run();
