/** Checkpoints as they come: other names, other dtypes, tensors too many; ties against transformers. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { inspect } from '../../../src/checkpoint/inspect';
import type { LoadOptions } from '../../../src/checkpoint/weights';
import type { CausalLM } from '../../../src/engine/model';
import { InputError } from '../../../src/util/errors';
import { float32ToBf16, type TensorData } from '../../../weights/safetensors';
import { assertEffort } from '../../effort';
import { type Config, f32, rewritten, type Tensors } from './rewritten';

const fixtures = path.join(__dirname, '../../fixtures');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-checkpoints-'));
test.before(async () => void (await useBackend()));
test.after(() => fs.rmSync(scratch, { recursive: true }));

const IDS = [2, 11, 5, 42, 7];

/** The logits of the last token. */
function lastLogits(model: CausalLM, ids = IDS): number[] {
  const logits = model.forward([ids], { logits: 'last' });
  const values = [...logits.dataSync()];
  logits.dispose();
  return values;
}

/** What `load` gives, and what it prints on stderr, line by line. */
function heard<T>(load: () => T): { result: T; lines: string[] } {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (line: string) => void lines.push(line);
  try {
    return { result: load(), lines };
  } finally {
    console.warn = warn;
  }
}

/** The logits of an edited fixture, and what is said while it is loaded. */
function logitsOf(name: string, edit: (tensors: Tensors, config: Config) => void) {
  const dir = rewritten(scratch, name, edit);
  const { result: model, lines } = heard(() => loadModel(dir));
  const logits = lastLogits(model);
  model.dispose();
  return { logits, lines: lines.map((line) => line.replace(dir, 'DIR')) };
}

const unchanged = new Map<string, number[]>();
function originalLogits(name: string): number[] {
  const known = unchanged.get(name) ?? logitsOf(name, () => {}).logits;
  unchanged.set(name, known);
  return known;
}

function close(found: number[], wanted: number[], what: string) {
  assert.is(found.length, wanted.length, what);
  const worst = Math.max(...found.map((x, i) => Math.abs(x - wanted[i])));
  assert.ok(worst <= 1e-4 * Math.max(...wanted.map(Math.abs)), `${what}: off by ${worst}`);
}

function refuses(run: () => unknown, pattern: RegExp) {
  assert.throws(run, (error: Error) => {
    assert.instance(error, InputError);
    assert.match(error.message, pattern);
    return true;
  });
}

// ── Ties ────────────────────────────────────────────────────────────────────────────────────────

interface Tie {
  name: string;
  embedding: string;
  tie: boolean | null;
  embed: boolean;
  head: 'same' | 'reversed' | null;
  logits?: number[];
  missing?: string[];
}
const ties: Tie[] = JSON.parse(fs.readFileSync(path.join(fixtures, 'ties.json'), 'utf8')).cases;

/** The rows of a table in reverse. */
function reversed({ dtype, shape, data }: TensorData): TensorData {
  const width = data.length / shape[0];
  const rows = Array.from({ length: shape[0] }, (_, i) => data.slice(i * width, (i + 1) * width));
  return { dtype, shape, data: Uint8Array.from(rows.reverse().flatMap((row) => [...row])) };
}

for (const { name, embedding, tie, embed, head, logits, missing } of ties) {
  const shown = `tie ${tie ?? 'not said'}, embedding ${embed ? 'there' : 'not there'}, head ${head}`;
  test(`${name}: ${shown}: as in transformers`, () => {
    const dir = rewritten(scratch, name, (tensors, config) => {
      if (tie === null) delete config.tie_word_embeddings;
      else config.tie_word_embeddings = tie;
      const table = tensors[embedding];
      if (!embed) delete tensors[embedding];
      if (head) tensors['lm_head.weight'] = head === 'same' ? table : reversed(table);
    });
    if (missing) {
      // transformers fills what is missing with random numbers.
      const lacks = missing.map((tensor) => tensor.replace(/^transformer\./, '')).join();
      return refuses(() => loadModel(dir), new RegExp(`missing: ${lacks} \\[`));
    }
    const { result: model, lines } = heard(() => loadModel(dir));
    close(lastLogits(model), logits as number[], shown);
    assert.equal(lines, [], 'nothing is left unread');
    model.dispose();
  });
}

test('a tied head of another dtype but the same numbers is the embedding', () => {
  const table = 'model.embed_tokens.weight';
  const { logits } = logitsOf('gemma2-gqa', (tensors) => {
    const { shape, data } = tensors[table];
    const floats = new Float32Array((data as Uint8Array).buffer);
    const bits = float32ToBf16(floats);
    tensors['lm_head.weight'] = { dtype: 'BF16', shape, data: new Uint8Array(bits.buffer) };
    const rounded = Float32Array.from(
      bits,
      (b) => new Float32Array(Uint32Array.of(b << 16).buffer)[0],
    );
    tensors[table] = { dtype: 'F32', shape, data: rounded };
  });
  const { logits: alone } = logitsOf('gemma2-gqa', (tensors) => {
    const { shape, data } = tensors[table];
    const bits = float32ToBf16(new Float32Array((data as Uint8Array).buffer));
    tensors[table] = { dtype: 'BF16', shape, data: new Uint8Array(bits.buffer) };
  });
  assert.equal(logits, alone);
});

// ── Names ───────────────────────────────────────────────────────────────────────────────────────

const NAMES: [string, string][] = [
  ['gemma2-gqa', 'model.'],
  ['gpt2-bare-masks', ''],
  ['gpt2-untied-f16-scaled', 'transformer.'],
  ['mistral-wide-heads', 'model.'],
  ['phi3-longrope-gqa', 'model.'],
];

for (const [name, prefix] of NAMES) {
  const rename = (change: (tensor: string) => string) => (tensors: Tensors) => {
    for (const tensor of Object.keys(tensors).filter((one) => one !== 'lm_head.weight')) {
      const moved = tensors[tensor];
      delete tensors[tensor];
      tensors[change(tensor)] = moved;
    }
  };
  const base = name.startsWith('gpt2') ? 'transformer.' : 'model.';

  test(`${name}: with the prefix ${base} and without it, the same model`, () => {
    const names = [
      rename((tensor) => tensor.replace(prefix, '')),
      rename((tensor) => base + tensor.replace(prefix, '')),
    ];
    for (const edit of names) {
      const { logits, lines } = logitsOf(name, edit);
      assert.equal(logits, originalLogits(name));
      assert.equal(lines, []);
    }
  });

  test(`${name}: what is missing is called as the checkpoint would call it`, () => {
    const norm = name.startsWith('gpt2') ? 'ln_f.weight' : 'norm.weight';
    const dir = rewritten(scratch, name, (tensors) => void delete tensors[prefix + norm]);
    refuses(() => loadModel(dir), new RegExp(`missing: ${prefix}${norm} `.replaceAll('.', '\\.')));
  });

  test(`${name}: a tensor under both names is refused`, () => {
    const dir = rewritten(scratch, name, (tensors) => {
      const [first] = Object.keys(tensors).filter((one) => /embed_tokens|wte/.test(one));
      const bare = first.replace(prefix, '');
      tensors[bare] = tensors[first];
      tensors[base + bare] = tensors[first];
    });
    refuses(() => loadModel(dir), /not used by this model: (wte|embed_tokens)\.weight/);
  });
}

// ── Tensors too many ────────────────────────────────────────────────────────────────────────────

test('buffers and heads of other tasks are left unread, with one line', () => {
  for (const [name, prefix] of NAMES) {
    const layers = name.startsWith('gpt2') ? 'h' : 'layers';
    const { logits, lines } = logitsOf(name, (tensors, config) => {
      for (const l of [0, 1, 2]) {
        tensors[`${prefix}${layers}.${l}.self_attn.rotary_emb.inv_freq`] = f32(4);
      }
      tensors['score.weight'] = f32(2, 8);
      tensors['classifier.bias'] = f32(2);
      tensors['v_head.summary.weight'] = f32(1, 8);
      tensors[`${prefix}position_ids`] = f32(1, 8);
      config.author = 'somebody';
      config.temperature = 0.7;
    });
    assert.equal(logits, originalLogits(name), name);
    assert.is(lines.length, 1, name);
    assert.match(lines[0], /^DIR: left unread, for it changes nothing here \(config\.json: /);
    assert.match(lines[0], 'config.json: author, temperature; tensors: ');
    for (const tensor of ['score.weight', 'classifier.bias', 'v_head.summary.weight']) {
      assert.match(lines[0], tensor);
    }
    assert.match(lines[0], `${prefix}${layers}.*.self_attn.rotary_emb.inv_freq`);
  }
});

test('layers and biases too many, scales of quantisation, other kinds are refused', () => {
  const strange = [
    'model.layers.3.mlp.up_proj.weight',
    'model.layers.0.self_attn.q_proj.bias',
    'model.layers.0.self_attn.q_norm.weight',
    'model.layers.0.mlp.up_proj.weight_scale',
    'lm_head.bias',
    'model.score.weight',
    'vision_tower.weight',
  ];
  for (const tensor of strange) {
    const dir = rewritten(scratch, 'mistral-wide-heads', (tensors) => {
      tensors[tensor] = f32(4);
    });
    const name = tensor.replaceAll('.', '\\.');
    refuses(() => loadModel(dir), new RegExp(`not used by this model: ${name}$`));
  }
});

test('integers are no weights', () => {
  const dir = rewritten(scratch, 'gemma2-gqa', (tensors) => {
    const { shape } = tensors['model.norm.weight'];
    tensors['model.norm.weight'] = { dtype: 'I8', shape, data: new Uint8Array(shape[0]) };
  });
  refuses(() => loadModel(dir), /model\.norm\.weight is I8, where floats are wanted \(a quantised/);
});

test('F64 weights are those numbers in float32', () => {
  for (const name of ['gemma2-gqa', 'gpt2-bare-masks']) {
    const { logits } = logitsOf(name, (tensors) => {
      for (const tensor of Object.values(tensors)) {
        const floats = new Float32Array((tensor.data as Uint8Array).buffer);
        // Less than half a step of float32 away.
        const doubles = Float64Array.from(floats, (x) => x * (1 + 1e-9));
        Object.assign(tensor, { dtype: 'F64', data: new Uint8Array(doubles.buffer) });
      }
    });
    assert.equal(logits, originalLogits(name), name);
  }
});

test('8-bit floats are the numbers they stand for', () => {
  // ±1, ±0.5, 0 and 0.25 as F8_E4M3 and as F32: the same model.
  const bytes = [0x38, 0xb8, 0x30, 0xb0, 0x00, 0x28];
  const values = [1, -1, 0.5, -0.5, 0, 0.25];
  const [narrow, wide] = [true, false].map((is8) =>
    logitsOf('mistral-wide-heads', (tensors) => {
      for (const tensor of Object.values(tensors)) {
        const count = tensor.shape.reduce((a, b) => a * b, 1);
        const picks = Array.from({ length: count }, (_, i) => (7 * i + (i >> 3)) % 6);
        tensor.dtype = is8 ? 'F8_E4M3' : 'F32';
        tensor.data = is8
          ? Uint8Array.from(picks, (i) => bytes[i])
          : Float32Array.from(picks, (i) => values[i]);
      }
    }),
  );
  assert.equal(narrow.logits, wide.logits);
});

// ── Index and shards ────────────────────────────────────────────────────────────────────────────

/** A copy of a sharded fixture with another index. */
function reindexed(name: string, edit: (map: Record<string, string>) => void): string {
  const dir = fs.mkdtempSync(path.join(scratch, 'sharded-'));
  fs.cpSync(path.join(fixtures, name), dir, { recursive: true });
  const file = path.join(dir, 'model.safetensors.index.json');
  const index = JSON.parse(fs.readFileSync(file, 'utf8'));
  edit(index.weight_map);
  fs.writeFileSync(file, JSON.stringify(index));
  return dir;
}

test('a tied head that only the index has, or only a shard, changes nothing', () => {
  const name = 'gemma2-mqa-bf16-sharded';
  const original = loadModel(path.join(fixtures, name));
  const wanted = lastLogits(original);
  original.dispose();
  const dirs = [
    reindexed(name, (map) => {
      map['lm_head.weight'] = 'model-00001-of-00006.safetensors';
    }),
    reindexed(name, (map) => {
      map['model.layers.0.self_attn.rotary_emb.inv_freq'] = 'model-00002-of-00006.safetensors';
    }),
  ];
  for (const dir of dirs) {
    const { result: model, lines } = heard(() => loadModel(dir));
    assert.equal(lastLogits(model), wanted);
    assert.equal(lines, []);
    assert.is(inspect(dir).dtypes[0].parameters, 50040);
    model.dispose();
  }
});

test('a head that the index lacks is loaded; one that no shard holds is missing', () => {
  const name = 'mistral-window-bf16-sharded';
  const original = loadModel(path.join(fixtures, name));
  const wanted = lastLogits(original);
  original.dispose();
  const unlisted = reindexed(name, (map) => {
    // Something else leads to the shard.
    map['score.weight'] = map['lm_head.weight'];
    delete map['lm_head.weight'];
  });
  const model = loadModel(unlisted);
  assert.equal(lastLogits(model), wanted);
  model.dispose();
  const strict = reindexed(name, (map) => void delete map['model.norm.weight']);
  refuses(() => loadModel(strict), /"model\.norm\.weight" does not belong here/);
  const lost = reindexed(name, (map) => {
    map['model.norm.bias'] = Object.values(map)[0];
  });
  refuses(() => loadModel(lost), /"model\.norm\.bias" is missing/);
});

// ── Sizes and arguments ─────────────────────────────────────────────────────────────────────────

test('more layers than the checkpoint has tensors are refused at once', () => {
  for (const [name, key] of [
    ['gemma2-gqa', 'num_hidden_layers'],
    ['gpt2-untied-f16-scaled', 'n_layer'],
    ['mistral-wide-heads', 'num_hidden_layers'],
    ['phi3-longrope-gqa', 'num_hidden_layers'],
  ]) {
    const withLayers = (n: number) =>
      rewritten(scratch, name, (_, config) => {
        config[key] = n;
        delete config.layer_types;
      });
    assertEffort(100, name, () => {
      for (const n of [1e7, 1e9, 2 ** 53 - 1]) {
        refuses(() => loadModel(withLayers(n)), new RegExp(`"${key}" is ${n}, not at most 65536`));
      }
      refuses(
        () => loadModel(withLayers(60000)),
        /it has 60000 layers, and there are only \d+ tensors/,
      );
      refuses(() => loadModel(withLayers(5)), /missing: /);
    });
  }
});

test('options are checked', () => {
  const dir = path.join(fixtures, 'gemma2-gqa');
  const load = (options: unknown) => () => loadModel(dir, options as LoadOptions);
  refuses(load({ dtyp: 'float16' }), /there is no "dtyp" .*Did you mean "dtype"\?/);
  refuses(load({ dtype: 'bf16' }), /dtype: "bf16" is not one of float32/);
  refuses(load({ dtype: 16 }), /dtype: 16 is not one of/);
  refuses(load('bfloat16'), /options is "bfloat16", not an object/);
  refuses(load(null), /options is null, not an object/);
});

test('without a backend: which function to call', () => {
  const program = `
    const { loadModel } = require('./models');
    try { loadModel(process.argv[1]); } catch (error) { console.log(error.name, error.message); }
  `;
  const args = ['-r', 'ts-node/register', '-e', program, path.join(fixtures, 'gemma2-gqa')];
  const { stdout } = spawnSync(process.execPath, args, {
    cwd: path.join(__dirname, '../../..'),
    encoding: 'utf8',
  });
  assert.match(stdout, /^InputError No TensorFlow\.js backend .* call: await useBackend\(\)/);
});

test.run();
