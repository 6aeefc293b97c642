/** `verify` passes for every fixture, and fails for whatever is not as transformers computed it. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../src/cli';
import { type Dtype, Safetensors, writeSafetensors } from '../../../weights/safetensors';

const root = path.join(__dirname, '../../..');
const fixtures = fs
  .readdirSync(path.join(__dirname, '../../fixtures'))
  .map((name) => path.join(__dirname, '../../fixtures', name))
  .filter((dir) => fs.existsSync(path.join(dir, 'reference.safetensors')));
const gqa = path.join(__dirname, '../../fixtures', 'gemma2-gqa');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-verify-'));
test.after(() => fs.rmSync(scratch, { recursive: true }));

/** Runs the command line in this process. */
async function tiller(...words: string[]) {
  const { log, info, error } = console;
  const out: string[] = [];
  const err: string[] = [];
  console.log = console.info = (text: string) => out.push(text);
  console.error = (text: string) => err.push(text);
  try {
    const code = await run(['node', 'cli', ...words]);
    return { code, out: out.join('\n'), err: err.join('\n') };
  } finally {
    Object.assign(console, { log, info, error });
  }
}

async function verifyJson(...words: string[]) {
  const { code, out, err } = await tiller('verify', ...words, '--json');
  assert.ok(out, err);
  return { code, result: JSON.parse(out) };
}

interface Entry {
  dtype: Dtype;
  shape: number[];
  data: Float32Array | Int32Array;
}
type Tensors = Record<string, Entry>;
type Cases = { name: string; steer: Record<string, unknown>[] }[];

function readAll(file: string) {
  const source = Safetensors.open(file);
  const tensors: Tensors = {};
  for (const [name, { dtype, shape }] of source.tensors) {
    const data = dtype === 'I32' ? source.readInt32(name) : source.readFloat32(name);
    tensors[name] = { dtype, shape, data };
  }
  source.close();
  return { tensors, metadata: source.metadata };
}

let copies = 0;
/** A reference like the fixture's, changed. */
function changed(edit: (tensors: Tensors, cases: Cases) => unknown, fixture = gqa) {
  const { tensors, metadata } = readAll(path.join(fixture, 'reference.safetensors'));
  const cases = JSON.parse(metadata.cases);
  const instead = edit(tensors, cases);
  const file = path.join(scratch, `reference-${copies++}.safetensors`);
  const text = typeof instead === 'string' ? instead : JSON.stringify(cases);
  writeSafetensors(file, tensors, { ...metadata, cases: text });
  return file;
}

/** A checkpoint like the fixture, its config changed. */
function reconfigured(fixture: string, change: Record<string, unknown>) {
  const dir = path.join(scratch, `model-${copies++}`);
  fs.cpSync(fixture, dir, { recursive: true });
  const file = path.join(dir, 'config.json');
  const config = JSON.parse(fs.readFileSync(file, 'utf8'));
  fs.writeFileSync(file, JSON.stringify({ ...config, ...change }));
  return dir;
}

const failing = (result: { cases: { name: string; passed: boolean }[] }) =>
  result.cases.filter((c) => !c.passed).map((c) => c.name);

for (const fixture of fixtures) {
  test(`${path.basename(fixture)} agrees with transformers`, async () => {
    const { code, result } = await verifyJson(fixture);
    assert.is(code, 0);
    assert.equal(failing(result), []);
    assert.is(result.cases.length, 6);
    for (const { batched, single, logits, resid_post } of result.cases) {
      assert.is(batched.equal, 12);
      assert.is(single.equal, 12);
      // Far below the limit of 1e-3: float32 rounding and nothing else.
      assert.ok(logits.relative_error < 1e-4 && resid_post.relative_error < 1e-4);
      assert.ok(logits.max_abs_error > 0);
    }
  });
}

test('the fixtures differ in what matters', () => {
  const configs = fixtures.map((dir) =>
    JSON.parse(fs.readFileSync(path.join(dir, 'config.json'), 'utf8')),
  );
  const grouped = ['gemma2', 'gemma3_text', 'llama', 'mistral', 'olmo2', 'phi3', 'qwen2', 'qwen3'];
  const windowed = grouped.filter((family) => !['llama', 'olmo2'].includes(family));
  for (const family of [...grouped, 'gpt2']) {
    const own = configs.filter((config) => config.model_type === family);
    assert.ok(own.length >= 3, family);
    const dtypes = own.map((config) => config.dtype ?? config.torch_dtype);
    assert.is(new Set(dtypes).size, 3, `${family}: f32, f16, bf16`);
    const sharing = own.map(({ num_attention_heads: heads, num_key_value_heads: keys }) =>
      keys === heads ? 'none' : keys === 1 ? 'all' : 'groups',
    );
    const kinds = family === 'gpt2' ? 1 : 3;
    assert.is(new Set(sharing).size, kinds, `${family}: heads that share keys`);
    assert.ok(own.some((config) => 'torch_dtype' in config) || family === 'gemma2', 'old configs');
    assert.ok(
      own.some((config) => 'dtype' in config),
      `${family}: a new config`,
    );
    if (!windowed.includes(family)) continue;
    assert.ok(own.filter((config) => config.sliding_window < 14).length >= 2, `${family}: windows`);
  }
  for (const fixture of fixtures) {
    const { tensors } = readAll(path.join(fixture, 'reference.safetensors'));
    const lengths = Object.entries(tensors)
      .filter(([name]) => name.endsWith('.input_ids'))
      .map(([, { shape }]) => shape[0]);
    assert.is(new Set(lengths).size, 6, 'padding is needed in the batch');
  }
});

const changes: [string, Record<string, unknown>][] = [
  ['gemma2-gqa', { sliding_window: 6 }],
  ['gemma2-gqa', { query_pre_attn_scalar: 16 }],
  ['gemma2-gqa', { attn_logit_softcapping: null }],
  ['gemma2-gqa', { final_logit_softcapping: 30 }],
  ['gemma2-mqa-bf16-sharded', { rope_theta: 10000 }],
  ['gemma2-mqa-bf16-sharded', { layer_types: Array(5).fill('full_attention') }],
  ['gemma2-narrow-heads', { rms_norm_eps: 1e-6 }],
  ['gemma2-narrow-heads', { rope_parameters: { rope_type: 'default', rope_theta: 10000 } }],
  ['gemma3-bf16-sharded', { rope_local_base_freq: 10000 }],
  ['gemma3-bf16-sharded', { sliding_window_pattern: 3 }],
  ['gpt2-bf16-sharded', { layer_norm_epsilon: 1e-5 }],
  ['gpt2-untied-f16-scaled', { scale_attn_by_inverse_layer_idx: false }],
  ['llama-rope3-tied-bf16-sharded', { rope_scaling: null }],
  ['llama-yarn-old-config', { rope_theta: 31 }],
  ['mistral-narrow-tied-f16', { sliding_window: 3 }],
  ['mistral-wide-heads', { rope_parameters: { rope_type: 'default', rope_theta: 10000 } }],
  ['olmo2-gqa-tied-f16', { rms_norm_eps: 1e-5 }],
  ['phi3-longrope-gqa', { max_position_embeddings: 128 }],
  ['phi3-partial-tied-f16', { sliding_window: 8 }],
  ['phi3-window-bf16-sharded', { rope_theta: 10000 }],
  ['qwen2-upper-window-tied-f32', { max_window_layers: 1 }],
  ['qwen3-biases-window-f32', { sliding_window: 4 }],
];
for (const [name, change] of changes) {
  test(`${name} fails with ${JSON.stringify(change)}`, async () => {
    const dir = reconfigured(path.join(__dirname, '../../fixtures', name), change);
    const { code, result } = await verifyJson(dir);
    assert.is(code, 1);
    assert.not(result.passed);
    // Every case may be touched by these; the long plain one must be.
    assert.not(result.cases[0].logits.passed);
  });
}

test('logits off by 1 % fail, and only they', async () => {
  const reference = changed(({ 'add.logits': { data } }) => {
    for (const i of data.keys()) data[i] *= 1.01;
  });
  const { code, result } = await verifyJson(gqa, '--reference', reference);
  assert.is(code, 1);
  assert.equal(failing(result), ['add']);
  const { logits, resid_post, batched, single } = result.cases[2];
  assert.equal(
    [logits, resid_post, batched, single].map((check) => check.passed),
    [false, true, true, true],
  );
});

test('one activation off by a hundredth of the deviation fails', async () => {
  const reference = changed(({ 'project.resid_post': { data } }) => {
    data[data.length - 1] += 0.1;
  });
  const { code, result } = await verifyJson(gqa, '--reference', reference);
  assert.is(code, 1);
  assert.not(result.cases[3].resid_post.passed);
  assert.ok(Math.abs(result.cases[3].resid_post.max_abs_error - 0.1) < 1e-3);
});

test('one other token fails batched and alone, and the table says where', async () => {
  const reference = changed(({ 'plain-short.generated': { data } }) => {
    data[7] = (data[7] + 1) % 101;
  });
  const { code, out } = await tiller('verify', gqa, '--reference', reference);
  assert.is(code, 1);
  const line = out.split('\n').find((row) => row.startsWith('plain-short')) ?? '';
  assert.match(line, /7\/12 ✗ +7\/12 ✗$/);
  assert.match(out, /^FAILED: plain-short /m);
});

test('edits of one layer in the other order fail', async () => {
  const reference = changed((tensors, cases) => {
    cases[4].steer.reverse();
    const [first, second] = [0, 1].map((j) => `same-layer.steer.${j}.vector`);
    [tensors[first], tensors[second]] = [tensors[second], tensors[first]];
  });
  const { code, result } = await verifyJson(gqa, '--reference', reference);
  assert.is(code, 1);
  assert.equal(failing(result), ['same-layer']);
});

test('a model that computes NaN fails the check in plain words', async () => {
  const dir = reconfigured(gqa, {});
  const file = path.join(dir, 'model.safetensors');
  const { tensors, metadata } = readAll(file);
  tensors['model.norm.weight'].data[3] = Number.NaN;
  writeSafetensors(file, tensors, metadata);
  const { code, out } = await tiller('verify', dir);
  assert.is(code, 1);
  assert.match(out, /^The logits are not finite/m);
  assert.match(out, /NaN \(NaN σ\) ✗/);
});

test('references with 64-bit ids are read', async () => {
  const file = changed((tensors) => {
    tensors['plain.generated'].dtype = 'I64';
    tensors['plain.input_ids'].dtype = 'I64';
  });
  const { code } = await verifyJson(gqa, '--reference', file);
  assert.is(code, 0);
});

const reference = (edit: Parameters<typeof changed>[0]) => () => [
  gqa,
  '--reference',
  changed(edit),
];
const unusable: [string, () => string[], RegExp][] = [
  ['no such folder', () => ['no/such/folder'], /no\/such\/folder: no such folder/],
  ['a file in place of a folder', () => [__filename], /is not a folder/],
  ['an empty folder', () => [fs.mkdtempSync(path.join(scratch, 'x-'))], /config\.json/],
  [
    'a folder without config.json',
    () => [scratch, '--reference', path.join(gqa, 'reference.safetensors')],
    /config\.json/,
  ],
  ['no reference', () => [gqa, '--reference', 'gone.safetensors'], /gone\.safetensors: no such/],
  [
    'a reference that is not safetensors',
    () => [gqa, '--reference', path.join(gqa, 'config.json')],
    /config\.json/,
  ],
  [
    'a checkpoint as reference',
    () => [gqa, '--reference', path.join(gqa, 'model.safetensors')],
    /model\.safetensors: .*"cases"/,
  ],
  [
    'the reference of another model',
    () => [
      gqa,
      '--reference',
      path.join(__dirname, '../../fixtures/gemma2-narrow-heads/reference.safetensors'),
    ],
    /"plain\.logits" has shape \[14,73\].*\[14,101\]/,
  ],
  ['cases that are not JSON', reference(() => '[{"name":'), /reference-.*cases is not JSON/],
  ['cases that are no list', reference(() => '{}'), /cases is not a list/],
  ['no cases', reference(() => '[]'), /cases is not a list/],
  [
    'a case without a name',
    reference((_, [c]) => {
      c.name = '';
    }),
    /cases\[0\] has no "name"/,
  ],
  [
    'two cases of one name',
    reference((_, cases) => {
      cases[1].name = 'plain';
    }),
    /two cases named "plain"/,
  ],
  [
    'a case without steer',
    reference((_, [c]) => void Reflect.deleteProperty(c, 'steer')),
    /cases\[0\] \("plain"\): "steer" is not a list/,
  ],
  [
    'an unknown kind',
    reference((_, cases) => {
      cases[2].steer[0].kind = 'multiply';
    }),
    /cases\[2\] \("add"\): steer\[0\]: "kind" is "multiply"/,
  ],
  [
    'a layer out of range',
    reference((_, cases) => {
      cases[2].steer[0].layer = 3;
    }),
    /"layer" is 3, not a layer of this model \(0 to 2\)/,
  ],
  [
    'a weight that is missing',
    reference((_, cases) => {
      cases[2].steer[0].weight = undefined;
    }),
    /"weight" is missing/,
  ],
  [
    'positions the format does not have',
    reference((_, cases) => {
      cases[2].steer[0].positions = 'last';
    }),
    /"positions" is "last"/,
  ],
  [
    'a missing tensor',
    reference((t) => void Reflect.deleteProperty(t, 'project.resid_post')),
    /reference-.*"project\.resid_post" is missing/,
  ],
  [
    'a missing vector',
    reference((t) => void Reflect.deleteProperty(t, 'add.steer.0.vector')),
    /"add\.steer\.0\.vector" is missing/,
  ],
  [
    'a vector that is not of unit length',
    reference((t) => {
      t['add.steer.0.vector'].data = t['add.steer.0.vector'].data.map((x) => x * 1.01);
    }),
    /"add\.steer\.0\.vector" has length 1\.01/,
  ],
  [
    'a shape that does not fit',
    reference((t) => {
      t['plain.resid_post'].shape = [14, 3, 40];
    }),
    /"plain\.resid_post" has shape \[14,3,40\].*\[3,14,40\]/,
  ],
  [
    'float ids',
    reference((t) => {
      t['plain.generated'] = { dtype: 'F32', shape: [12], data: new Float32Array(12) };
    }),
    /"plain\.generated" is F32, not I32/,
  ],
  [
    'an id outside the vocabulary',
    reference((t) => {
      t['plain.input_ids'].data[3] = 101;
    }),
    /"plain\.input_ids" holds the id 101/,
  ],
  [
    'infinite logits',
    reference((t) => {
      t['plain.logits'].data[3] = Number.POSITIVE_INFINITY;
    }),
    /"plain\.logits" holds a number that is not finite/,
  ],
  [
    'a config of another shape',
    () => [reconfigured(gqa, { head_dim: 8 })],
    /q_proj\.weight is \[64,40\]/,
  ],
  [
    'an unknown config key',
    () => [reconfigured(gqa, { sliding_windows: 3 })],
    /"sliding_windows" \(did you mean "sliding_window"\?\)/,
  ],
  ['an unknown model type', () => [reconfigured(gqa, { model_type: 'gemma9' })], /gemma9/],
  ['an unknown backend', () => [gqa, '--backend', 'cuda'], /"cuda" is not one of/],
  ['an unknown option', () => [gqa, '--referense', 'x'], /--referense.*Did you mean "reference"/],
  ['no folder given', () => [], /verify <model>/],
];
for (const [what, words, message] of unusable) {
  test(`unusable: ${what}`, async () => {
    const { code, out, err } = await tiller('verify', ...words());
    assert.match(err, message);
    assert.is(err.split('\n').length, 1, err);
    assert.not.match(err, /\bat .*\.ts:\d/);
    assert.is(out, '');
    assert.is(code, 2);
  });
}

test('--debug shows the stack', async () => {
  const { code, err } = await tiller('verify', 'no/such/folder', '--debug');
  assert.is(code, 2);
  assert.match(err, /cli\.ts:\d/);
});

test('--help shows the options and exits with 0', async () => {
  const { code, out } = await tiller('verify', '--help');
  assert.is(code, 0);
  for (const word of ['--reference', '--backend', '--json', 'Exit codes']) {
    assert.ok(out.includes(word), word);
  }
});

test('the process exits with 0, 1 and 2', () => {
  const cli = (...words: string[]) =>
    spawnSync(process.execPath, ['-r', 'ts-node/register', 'src/cli.ts', 'verify', ...words], {
      cwd: root,
      encoding: 'utf8',
    });
  const good = cli(gqa, '--backend', 'wasm', '--json');
  assert.is(good.status, 0, good.stderr);
  assert.is(JSON.parse(good.stdout).backend.name, 'wasm');
  const wrong = changed(({ 'plain.logits': { data } }) => {
    data[5] += 1;
  });
  assert.is(cli(gqa, '--backend', 'wasm', '--reference', wrong).status, 1);
  const bad = cli('no/such/folder');
  assert.is(bad.status, 2);
  assert.is(bad.stderr.trim().split('\n').length, 1, bad.stderr);
});

test.run();
