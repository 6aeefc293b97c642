/** vector inspect, convert and merge, as they are typed. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../../src/cli';
import { findModel } from '../../../../src/hub/fingerprint';
import { seededRandom } from '../../../../src/util/random';
import { cosine } from '../../../../src/vectors/cosine';
import { type Direction, directionOf } from '../../../../src/vectors/direction';
import { readGguf } from '../../../../src/vectors/files/gguf';
import { loadVectors, saveVectors, type VectorFile } from '../../../../src/vectors/vectorFile';
import { Safetensors } from '../../../../weights/safetensors';
import { refusal } from '../../../refusal';

const WIDTH = 192;
const LAYERS = [0, 1, 3];
const model = findModel('tiny-gemma2');
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vector-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const at = (name: string) => path.join(temp, name);

const random = seededRandom(9);
const rows = () =>
  Array.from({ length: 2 }, () => Float32Array.from({ length: 3 * WIDTH }, () => random() - 0.5));
const save = (file: string, name: string, more: Partial<VectorFile> = {}): Direction => {
  const direction = directionOf(rows(), rows(), LAYERS);
  const provenance = { model: 'tiny-gemma2', model_fingerprint: model.fingerprint, seed: name };
  saveVectors(at(file), {
    ...{ directions: new Map([[name, direction]]), layers: LAYERS, provenance },
    ...more,
  });
  return direction;
};
const setting = { layer: 1, weight: '2x' as const };
const tried = { ...setting, obeyed: 0.9, perplexity: 3.25 };
const loud = save('loud.safetensors', 'loud', {
  settings: { loud: setting },
  curves: {
    loud: [
      { ...tried, layer: 3, obeyed: 0.2 },
      { ...tried, positions: 'last', obeyed: 0.3 },
      tried,
    ],
  },
});
const calm = save('calm.npz', 'calm');

/** What a command prints, and its exit code. */
async function tiller(...words: string[]) {
  const printed = { out: '', error: '' };
  const { log, error } = console;
  console.log = (text) => {
    printed.out += `${text}\n`;
  };
  console.error = (text) => {
    printed.error += `${text}\n`;
  };
  try {
    return { code: await run(['node', 'cli', 'vector', ...words]), ...printed };
  } finally {
    Object.assign(console, { log, error });
  }
}
async function succeeds(...words: string[]): Promise<string> {
  const { code, ...printed } = await tiller(...words);
  assert.is(code, 0, JSON.stringify(printed));
  return printed.out;
}
async function refused(wanted: RegExp, ...words: string[]): Promise<void> {
  const { code, error, out } = await tiller(...words);
  assert.equal([code, out], [2, ''], error);
  assert.match(error, wanted);
}

test('inspect shows what the files say, and the cosines between their vectors', async () => {
  const text = await succeeds('inspect', at('loud.safetensors'), at('calm.npz'));
  assert.match(text, '"loud" of');
  assert.match(text, 'Setting: layer 1, weight 2x (90.0 % obeyed, median perplexity 3.25)');
  assert.match(text, loud.norm[2].toFixed(2));
  assert.match(text, loud.projectionWithout[2].toFixed(2));
  assert.match(text, 'Setting: none was searched');
  const expected = cosine(loud.unit[1], calm.unit[1]);
  assert.match(text, /Cosines at layer 1\n/);
  assert.match(text, /1 loud +1\.00/);
  assert.match(text, expected.toFixed(2));

  const json = await succeeds('inspect', at('loud.safetensors'), at('calm.npz'), '--json');
  const { vectors, names, cosines } = JSON.parse(json);
  assert.equal(names, ['loud', 'calm']);
  assert.equal(vectors[0].setting, setting);
  assert.equal(vectors[0].found, { obeyed: 0.9, perplexity: 3.25 });
  assert.equal(
    cosines.map(({ layer }: { layer: number }) => layer),
    LAYERS,
  );
  assert.ok(Math.abs(cosines[1].cosines[0][1] - expected) < 1e-6);
});

test('inspect names the tokens at the ends of a vector, by the unembedding', async () => {
  const weights = Safetensors.open(path.join(model.dir, 'model.safetensors'));
  const embedding = weights.readFloat32('model.embed_tokens.weight');
  weights.close();
  const scores = Array.from({ length: embedding.length / WIDTH }, (_, id) => {
    const row = embedding.subarray(id * WIDTH, (id + 1) * WIDTH);
    return row.reduce((sum, x, i) => sum + x * loud.unit[2][i], 0);
  });
  const words = ['--layers', '3', '--model', 'tiny-gemma2', '--tokens', '3', '--backend', 'wasm'];
  const { tokens } = JSON.parse(
    await succeeds('inspect', at('loud.safetensors'), ...words, '--json'),
  );
  assert.equal([tokens.length, tokens[0].layer, tokens[0].top.length], [1, 3, 3]);
  const best = scores.indexOf(Math.max(...scores));
  assert.is(tokens[0].top[0].id, best);
  assert.ok(Math.abs(tokens[0].top[0].score - scores[best]) < 1e-4);
  const text = await succeeds('inspect', at('loud.safetensors'), ...words);
  assert.match(text, /Tokens that "loud" points to at layer 3.*\ntowards: "/);
});

test('convert goes by the names of the files, and tells what a control vector holds', async () => {
  await succeeds('convert', at('loud.safetensors'), at('loud.npz'));
  assert.equal(loadVectors(at('loud.npz')), loadVectors(at('loud.safetensors')));
  const searched = await succeeds('convert', at('loud.npz'), at('loud.gguf'));
  assert.match(searched, '"loud", unit · norm · 2 (its setting), as direction.1.');
  const { metadata, tensors } = readGguf('it', fs.readFileSync(at('loud.gguf')));
  assert.is(metadata.get('controlvector.model_hint'), 'gemma2', 'found by the name of the model');
  assert.equal([...tensors.keys()], ['direction.1']);
  const [first] = tensors.get('direction.1')!.data;
  assert.ok(Math.abs(first - 2 * loud.norm[1] * loud.unit[1][0]) < 1e-6);

  await refused(/there already: --force/, 'convert', at('loud.npz'), at('loud.gguf'));
  await refused(/block 0.*--layers 1,3/, 'convert', at('calm.npz'), at('calm.gguf'));
  const both = ['--layers', '1,3', '--scale', '0.5', '--force'];
  const scaled = await succeeds('convert', at('loud.npz'), at('loud.gguf'), ...both);
  assert.match(scaled, 'unit · norm · 0.5, as direction.1, direction.3.');
  const back = ['--model', 'tiny-gemma2'];
  await succeeds('convert', at('loud.gguf'), at('back.safetensors'), ...back);
  const { layers, directions } = loadVectors(at('back.safetensors'));
  assert.equal(layers, [1, 3]);
  const { norm } = directions.get('loud')!;
  assert.ok(Math.abs(norm[1] - loud.norm[2] / 2) < 1e-6);
});

test('convert refuses what does not fit the model, with the numbers', async () => {
  const out = at('never.npz');
  const convert = (file: string, ...words: string[]) => ['convert', at(file), out, ...words];
  await refused(/has no layer|no vector for layer 2/, ...convert('loud.npz', '--layers', '2'));
  await refused(/no vector "lout".*mean "loud"/, ...convert('loud.npz', '--name', 'lout'));
  await refused(/--scale is for \.gguf/, ...convert('loud.npz', '--scale', '2'));
  await refused(/ends in \.safetensors, \.npz, \.gguf/, 'convert', at('loud.npz'), at('a.pt'));
  const tiny = ['--model', 'test/fixtures/gemma2-gqa'];
  await refused(/192 numbers.*has 40/, ...convert('loud.npz', ...tiny));
  const [direction] = loadVectors(at('loud.npz')).directions.values();
  const one = { directions: new Map([['x', direction]]), provenance: {} };
  const { provenance } = loadVectors(at('loud.npz'));
  const hinted = { ...one, layers: [1, 2, 5], provenance: { model_hint: 'llama' } };
  saveVectors(at('hinted.npz'), hinted);
  await refused(/for a llama.*is a gemma2/, ...convert('hinted.npz', '--model', 'tiny-gemma2'));
  saveVectors(at('deep.npz'), { ...one, layers: [1, 2, 26], provenance });
  await refused(
    /layers up to 26.*layers 0 to 5/,
    ...convert('deep.npz', '--model', 'tiny-gemma2', '--any-model'),
  );
  assert.not.ok(fs.existsSync(out));
});

test('merge puts vectors together, says once what all say, and sums', async () => {
  const files = [at('loud.safetensors'), `${at('calm.npz')}:still`];
  const sum = ['--sum', 'both=0.5*loud-2*still', '--out', at('all.safetensors')];
  assert.match(await succeeds('merge', ...files, ...sum), 'loud, still, both');
  const all = loadVectors(at('all.safetensors'));
  assert.equal(all.directions.get('loud'), loud);
  assert.equal(all.directions.get('still'), calm);
  assert.equal(all.settings, { loud: setting });
  assert.equal(all.provenance, { model: 'tiny-gemma2', model_fingerprint: model.fingerprint });
  assert.equal(all.origins, {
    loud: { seed: 'loud' },
    still: { seed: 'calm' },
    both: { method: 'sum', sum: '0.5*loud+-2*still' },
  });
  const { unit, norm } = all.directions.get('both')!;
  const wanted = 0.5 * loud.norm[2] * loud.unit[2][7] - 2 * calm.norm[2] * calm.unit[2][7];
  assert.ok(Math.abs(unit[2][7] * norm[2] - wanted) < 1e-6);
});

test('merge refuses names that are there twice, and vectors that do not belong together', async () => {
  const out = ['--out', at('never.safetensors')];
  const loudFile = at('loud.safetensors');
  await refused(/both have a vector "loud".*:new-name/, 'merge', loudFile, at('loud.npz'), ...out);
  await refused(
    /differ in layers: 0 1 3, 1 3.*--layers 1,3/,
    'merge',
    ...[loudFile, at('loud.gguf'), ...out],
  );
  await refused(/Give the file that they go to/, 'merge', loudFile);
  await refused(/not a sum/, 'merge', loudFile, '--sum', 'loud', ...out);
  await refused(/no vector "still"/, 'merge', loudFile, '--sum', 'x=loud+still', ...out);
  await refused(/several vectors/, 'merge', `${at('all.safetensors')}:x`, ...out);
  const { directions, layers } = loadVectors(at('calm.npz'));
  saveVectors(at('other.npz'), { directions, layers, provenance: { model_fingerprint: 'f00' } });
  await refused(/differ in model_fingerprint/, 'merge', loudFile, at('other.npz'), ...out);
});

test('loadVectors checks against a model that is given', () => {
  const config = { ...{ nLayers: 6, dModel: WIDTH }, nHeads: 1, kvHeads: 1, headDim: 1 };
  const dims = { ...config, intermediateSize: 1, vocabSize: 1, maxPositions: 1 };
  const fits = (modelType: string, fingerprint: string, anyModel?: boolean) =>
    loadVectors(at('loud.gguf'), {
      model: { name: 'm', fingerprint, model: { config: dims, modelType } },
      anyModel,
    });
  assert.equal(fits('gemma2', model.fingerprint).layers, [1, 3]);
  assert.match(
    refusal(() => fits('gemma2', 'other')),
    'made with tiny-gemma2',
  );
  assert.match(
    refusal(() => fits('phi3', model.fingerprint)),
    'for a gemma2',
  );
  assert.equal(fits('phi3', 'other', true).layers, [1, 3]);
});

test.run();
