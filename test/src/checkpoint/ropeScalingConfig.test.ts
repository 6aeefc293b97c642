/** Stretched rotary embeddings: read from either style of config.json, against transformers' numbers. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readConfig as readGemma3 } from '../../../models/gemma3';
import { readConfig as readLlama } from '../../../models/llama';
import { ModelConfig } from '../../../src/checkpoint/configJson';
import { refusal } from '../../refusal';

type Values = Record<string, unknown>;

/** Written by scripts/config_keys.py. */
const { ropes } = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../../fixtures/configs/ropes.json'), 'utf8'),
) as {
  ropes: { rope: Values; headDim: number; attentionFactor: number; frequencies: number[] }[];
};

const llama = (values: Values) =>
  readLlama(
    new ModelConfig(
      { model_type: 'llama', max_position_embeddings: 131072, ...values },
      'config.json',
    ),
  );
const ropeOf = (values: Values) => {
  const { rope } = llama(values);
  assert.is(rope.kind, 'default');
  return rope as Extract<typeof rope, { kind: 'default' }>;
};

/** How many steps of float32 lie between two numbers. */
function stepsApart(a: number, b: number): number {
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer);
  return Math.abs(x - y);
}

for (const { rope, headDim, attentionFactor, frequencies } of ropes) {
  test(`${JSON.stringify(rope)} in ${headDim} dimensions`, () => {
    const { rope_theta, rope_type, ...rest } = rope;
    const styles = [
      { rope_parameters: rope },
      { rope_theta, rope_scaling: { ...rest, rope_type } },
      { rope_theta, rope_scaling: { ...rest, type: rope_type } },
    ];
    for (const style of styles) {
      const found = ropeOf({ head_dim: headDim, ...style });
      assert.is(found.frequencies.length, headDim / 2);
      // A power of torch may be one step off, and what is blended of it two.
      const off = found.frequencies.map((x, i) => stepsApart(x, frequencies[i]));
      assert.ok(Math.max(...off) <= 2, `${off}`);
      assert.ok(off.filter((steps) => steps > 0).length <= headDim / 8, `${off}`);
      assert.ok(Math.abs((found.attentionFactor ?? 1) - attentionFactor) < 1e-12);
    }
  });
}

const YARN = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32768 };
const LLAMA3 = {
  ...{ rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
  original_max_position_embeddings: 8192,
};

test('without its original length, that of the model counts, as in transformers', () => {
  const { original_max_position_embeddings: _, ...rest } = YARN;
  const whole = { ...YARN, original_max_position_embeddings: 131072 };
  assert.equal(ropeOf({ rope_scaling: rest }), ropeOf({ rope_scaling: whole }));
});

test('kinds, keys and values that are not known are refused', () => {
  const refused: [Values, RegExp][] = [
    [{ rope_type: 'longrope', short_factor: [], long_factor: [] }, /"rope_type" is "longrope"/],
    [{ rope_type: 'mrope' }, /"rope_type" is "mrope"/],
    [{ rope_type: 'proportional' }, /"rope_type" is "proportional"/],
    [{ ...YARN, type: 'linear' }, /"rope_type" is "yarn", not what "type" is \(linear\)/],
    [{ rope_type: 'linear' }, /"factor" is missing/],
    [{ rope_type: 'linear', factor: 2, beta_fast: 32 }, /"beta_fast"/],
    [{ ...YARN, factor: null }, /"factor" is null/],
    [{ ...YARN, beta_fats: 3 }, /"beta_fats" \(did you mean "beta_fast"\?\)/],
    [{ ...YARN, mscale: 'x' }, /"mscale" is "x"/],
    [{ ...YARN, truncate: null }, /"truncate" is null/],
    [{ ...YARN, attention_factor: 0 }, /"attention_factor" is 0/],
    [{ ...YARN, partial_rotary_factor: 0.5 }, /"partial_rotary_factor" is 0\.5/],
    [
      { ...LLAMA3, high_freq_factor: 1 },
      /"high_freq_factor" is 1, not more than "low_freq_factor"/,
    ],
    [{ ...LLAMA3, low_freq_factor: undefined }, /"low_freq_factor" is missing/],
    [{ rope_type: 'dynamic', factor: 2, alpha: 3 }, /"alpha"/],
    [{ full_attention: { rope_type: 'default' } }, /"full_attention"/],
  ];
  for (const [rope, pattern] of refused) {
    for (const key of ['rope_scaling', 'rope_parameters']) {
      assert.match(
        refusal(() => llama({ [key]: rope })),
        pattern,
      );
    }
  }
  assert.match(
    refusal(() => llama({ rope_scaling: YARN, original_max_position_embeddings: 4096 })),
    /"original_max_position_embeddings" is 4096, not one of 32768/,
  );
});

// ── One for each kind of block ──────────────────────────────────────────────────────────────────

const gemma = (values: Values) =>
  readGemma3(new ModelConfig({ model_type: 'gemma3_text', ...values }, 'config.json'));

test('Gemma 3: both styles read the same, and what is silent has its two bases', () => {
  const linear = { rope_type: 'linear', factor: 8 };
  const old = gemma({ rope_theta: 5e5, rope_local_base_freq: 2e4, rope_scaling: linear });
  const nested = gemma({
    rope_parameters: {
      full_attention: { ...linear, rope_theta: 5e5 },
      sliding_attention: { rope_type: 'default', rope_theta: 2e4 },
    },
  });
  assert.equal(old, nested);
  const silent = gemma({ rope_scaling: null });
  assert.equal(silent.ropes, gemma({ rope_theta: 1e6, rope_local_base_freq: 1e4 }).ropes);
  assert.equal(
    gemma({ rope_parameters: { full_attention: linear } }),
    gemma({ rope_scaling: linear }),
  );
});

test('Gemma 3: parameters that are not by kind, or twice, are refused', () => {
  const plain = { rope_type: 'default', rope_theta: 1e6 };
  assert.match(
    refusal(() => gemma({ rope_parameters: plain })),
    /keys .*"rope_type", "rope_theta"/,
  );
  const both = { rope_parameters: { full_attention: plain }, rope_scaling: plain };
  assert.match(
    refusal(() => gemma(both)),
    /"rope_parameters" is .* \(there is "rope_scaling" already\)/,
  );
  assert.match(
    refusal(() => gemma({ rope_scaling: YARN })),
    /"rope_type" is "yarn"/,
  );
  const slip = { full_atention: plain };
  assert.match(
    refusal(() => gemma({ rope_parameters: slip })),
    /"full_atention" \(did you mean "full_attention"/,
  );
});

test.run();
