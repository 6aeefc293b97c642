/**
 * Vectors as .safetensors, .npz and .gguf: to and fro, against files that numpy and the gguf package
 * wrote (scripts/vector_files.py), and read by them where they are installed.
 */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import AdmZip from 'adm-zip';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../../../src/util/random';
import { directionOf } from '../../../../src/vectors/direction';
import { hintFits } from '../../../../src/vectors/files/controlVector';
import { readGguf } from '../../../../src/vectors/files/gguf';
import { loadVectors, saveVectors, type VectorFile } from '../../../../src/vectors/vectorFile';
import { refusal } from '../../../refusal';
import { testWhere } from '../../../where';

const root = path.join(__dirname, '../../../..');
const fixtures = path.join(root, 'test/fixtures/vectorFiles');
const fixture = (name: string) => path.join(fixtures, name);
/** The numbers of the fixtures, [4][6], exact in 16 bits. */
const ROWS: number[][] = JSON.parse(fs.readFileSync(fixture('rows.json'), 'utf8'));
const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-formats-'));
test.after(() => fs.rmSync(temp, { recursive: true }));
const at = (name: string) => path.join(temp, name);

const random = seededRandom(4);
const rows = () => Array.from({ length: 3 }, () => Float32Array.from({ length: 15 }, random));
/** A vector of pairs at layers 1, 2 and 5, as tiller makes them. */
const made = (): VectorFile => ({
  directions: new Map([['grüße/😀', directionOf(rows(), rows(), [1, 2, 5])]]),
  layers: [1, 2, 5],
  provenance: { model: 'm', model_fingerprint: 'f', model_type: 'gemma2', note: 'zwei\n„Zeilen“' },
});

/** unit · norm, as other programs have it. */
const numbersOf = ({ directions }: VectorFile, name: string) => {
  const { unit, norm } = directions.get(name)!;
  return unit.map((row, l) => [...row].map((value) => value * norm[l]));
};
function close(a: number[][], b: number[][], about = '') {
  assert.equal([a.length, a[0].length], [b.length, b[0].length], about);
  const worst = Math.max(...a.flat().map((value, i) => Math.abs(value - b.flat()[i])));
  assert.ok(worst < 3e-7, `${about} ${worst}`);
}

test('safetensors and npz hold the same, bit by bit', () => {
  const vectors = made();
  const name = 'grüße/😀';
  vectors.settings = { [name]: { layer: 2, weight: '1.5x' } };
  saveVectors(at('a.safetensors'), vectors);
  saveVectors(at('a.npz'), loadVectors(at('a.safetensors')));
  saveVectors(at('b.safetensors'), loadVectors(at('a.npz')));
  assert.equal(loadVectors(at('a.npz')), vectors);
  assert.equal(loadVectors(at('b.safetensors')), vectors);
});

test('a control vector holds what the setting adds, or the vector itself, and comes back', () => {
  const vectors = made();
  const [name] = vectors.directions.keys();
  saveVectors(at('a.gguf'), vectors);
  const back = loadVectors(at('a.gguf'));
  assert.equal(back.layers, [1, 2, 5]);
  assert.equal(back.provenance, { ...vectors.provenance, model_hint: 'gemma2' });
  close(numbersOf(back, name), numbersOf(vectors, name));
  // What is added stays the same through a file of unit and norm.
  saveVectors(at('b.npz'), back);
  saveVectors(at('b.gguf'), loadVectors(at('b.npz')));
  close(numbersOf(loadVectors(at('b.gguf')), name), numbersOf(vectors, name));

  const settings = { [name]: { layer: 2, source: 5, weight: '-1.5x' as const } };
  saveVectors(at('c.gguf'), { ...vectors, settings }, { scale: 2 });
  const searched = loadVectors(at('c.gguf'));
  assert.equal(searched.layers, [2]);
  const wanted = numbersOf(vectors, name)[2].map((value) => -3 * value);
  close(numbersOf(searched, name), [wanted]);
  const { metadata } = readGguf('it', fs.readFileSync(at('c.gguf')));
  assert.is(metadata.get('controlvector.layer_count'), 1);
});

test('files of numpy and of the gguf package are read, whatever they hold their numbers in', () => {
  const read = (file: string, layers: number[], name: string, sign = 1) => {
    const vectors = loadVectors(fixture(file));
    assert.equal(vectors.layers, layers, file);
    const wanted = layers.map((layer) => ROWS[layer].map((value) => sign * value));
    close(numbersOf(vectors, name), wanted, file);
    return vectors;
  };
  const { provenance } = read('repeng.gguf', [1, 2, 3], 'repeng');
  assert.equal(provenance, { model_hint: 'mistral' });
  read('types.gguf', [1, 2, 3], 'types');
  read('matrix.npz', [0, 1, 2, 3], 'matrix');
  read('fortran.npz', [0, 1, 2, 3], 'shout');
  read('big.npz', [0, 1, 2, 3], 'shout');
  read('big.npz', [0, 1, 2, 3], 'whisper', -1);
  read('layers.npz', [1, 3], 'layers');
  const { metadata } = readGguf('it', fs.readFileSync(fixture('types.gguf')));
  const tried = Object.fromEntries([...metadata].filter(([key]) => key.startsWith('try.')));
  assert.equal(tried, {
    ...{ 'try.uint8': 200, 'try.int8': -3, 'try.uint16': 60000, 'try.int16': -300 },
    ...{ 'try.uint32': 4000000000, 'try.int32': -70000, 'try.float32': 0.5, 'try.float64': 0.1 },
    ...{ 'try.uint64': 2n ** 60n, 'try.int64': -(2n ** 60n), 'try.bool': true },
    ...{ 'try.texts': ['a', 'übrig', ''], 'try.numbers': [1, -2, 3] },
  });
});

test('what is no vector file, or can be meant otherwise, is refused with the reason', () => {
  const refused: [string, RegExp][] = [
    ['model.gguf', /no control vector: its general\.architecture is "llama"/],
    ['integers.npz', /array "shout": it holds numbers of type <i8/],
    ['pickled.npz', /array "shout": it holds Python objects/],
    ['rows.json', /ends in \.safetensors, \.npz, \.gguf/],
    ['nowhere.gguf', /no such file/],
    ['nowhere.npz', /no such file/],
  ];
  for (const [name, message] of refused) {
    assert.match(
      refusal(() => loadVectors(fixture(name))),
      message,
    );
  }
});

test('what a control vector cannot hold is refused with the reason', () => {
  const vectors = made();
  const [name] = vectors.directions.keys();
  const saving = (change: Partial<VectorFile>, options = {}) =>
    refusal(() => saveVectors(at('x.gguf'), { ...vectors, ...change }, options));
  assert.match(
    saving({ layers: [0, 1, 2] }),
    /can't steer block 0.*Leave layer 0 out: --layers 1,2\./,
  );
  const setting = (one: object) => ({ settings: { [name]: { layer: 2, ...one } } });
  assert.match(saving(setting({ layer: 0, source: 2 })), /can't steer block 0/);
  assert.match(saving(setting({ kind: 'project' })), /of kind project.*at every token/);
  assert.match(saving(setting({ positions: 'last' })), /at last tokens.*at every token/);
  assert.match(saving({ provenance: {} }), /what kind of model.*Name it: --model/);
  assert.match(saving({}, { scale: 0 }), /scale is 0/);
  assert.match(saving({}, { extra: {} }), /there is no "extra"/);
  const [vector] = vectors.directions.values();
  const two = new Map([
    ['a', vector],
    ['b', vector],
  ]);
  assert.match(saving({ directions: two }), /is one vector; there are a, b/);
  assert.not.ok(fs.existsSync(at('x.gguf')));
});

test('a hint is the name of llama.cpp or that of transformers', () => {
  const fits: [string, string, boolean][] = [
    ...([['llama', 'mistral', true]] as [string, string, boolean][]),
    ...([['mistral', 'mistral', true]] as [string, string, boolean][]),
    ...([['gemma3', 'gemma3_text', true]] as [string, string, boolean][]),
    ...([['gemma2', 'gemma3', false]] as [string, string, boolean][]),
  ];
  for (const [hint, type, wanted] of fits) assert.is(hintFits(hint, type), wanted, hint);
});

test('a file that is cut off anywhere is refused', () => {
  for (const name of ['repeng.gguf', 'types.gguf', 'layers.npz', 'big.npz']) {
    const bytes = fs.readFileSync(fixture(name));
    const file = at(`cut${path.extname(name)}`);
    // The padding behind the last numbers may be missing.
    const last = name.endsWith('.gguf') ? bytes.length - 40 : bytes.length - 1;
    for (let length = 0; length <= last; length += 7) {
      fs.writeFileSync(file, bytes.subarray(0, length));
      assert.match(
        refusal(() => loadVectors(file)),
        file,
        `${name} ${length}`,
      );
    }
  }
});

test('whatever bit of a file is flipped, nothing but a refusal or the numbers comes of it', () => {
  for (const name of ['types.gguf', 'layers.npz', 'own.npz']) {
    const source = name.startsWith('own') ? at(name) : fixture(name);
    if (name.startsWith('own')) saveVectors(source, made());
    const bytes = fs.readFileSync(source);
    const wanted = loadVectors(source);
    const file = at(`flipped${path.extname(name)}`);
    for (let i = 0; i < bytes.length; i += name.startsWith('own') ? 17 : 3) {
      const flipped = Buffer.from(bytes);
      flipped[i] ^= 1 << (i % 8);
      fs.writeFileSync(file, flipped);
      let read: VectorFile | undefined;
      try {
        read = loadVectors(file);
      } catch (error) {
        assert.is((error as Error).name, 'InputError', `${name} ${i}: ${(error as Error).stack}`);
      }
      // A zip file has a checksum of its numbers, GGUF has none.
      if (!read || name.endsWith('.gguf')) continue;
      const numbers = (of: VectorFile) => JSON.stringify([...of.directions.values()]);
      assert.is(numbers(read), numbers(wanted), `${name} ${i}`);
    }
  }
});

test('arrays that are no vectors, or not of the same layers, are refused in words', () => {
  const npy = (shape: number[], values: number[]) => {
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(',')},), }`;
    const head = Buffer.from(`\x93NUMPY\x01\x00`, 'latin1');
    const length = Buffer.from([text.length, 0]);
    const data = Buffer.from(Float32Array.from(values).buffer);
    return Buffer.concat([head, length, Buffer.from(text), data]);
  };
  const saying = (arrays: Record<string, Buffer>) => {
    const zip = new AdmZip();
    for (const [name, bytes] of Object.entries(arrays)) zip.addFile(`${name}.npy`, bytes);
    zip.writeZip(at('x.npz'));
    return refusal(() => loadVectors(at('x.npz')));
  };
  assert.match(saying({}), 'no array of numbers');
  assert.match(saying({ x: npy([2], [1, 2]) }), /"x" has shape \[2\]/);
  assert.match(saying({ x: npy([1, 1, 2], [1, 2]) }), /has shape \[1,1,2\]/);
  assert.match(saying({ x: npy([3], [1, 2]) }), 'cut off in its numbers');
  assert.match(saying({ x: npy([1], [1, 2]) }), 'more than its numbers');
  assert.match(saying({ layer_1: npy([2], [0, 0]) }), 'zero, at every layer');
  assert.match(saying({ layer_1: npy([2], [0, Number.NaN]) }), 'not finite');
  const wider = { layer_1: npy([2], [1, 2]), layer_2: npy([1], [1]) };
  assert.match(saying(wider), /layer 2 has 1 numbers; elsewhere it has 2/);
  const uneven = { 'a.layer_1': npy([1], [1]), 'b.layer_2': npy([1], [1]) };
  assert.match(saying(uneven), /"a" has layers 1, "b" 2/);
  assert.match(saying({ layer_1: npy([1], [1]), layers_1: npy([1], [1]) }), 'twice for layer 1');
  const zero = { a: npy([2, 1], [1, 1]), b: npy([2, 1], [0, 1]) };
  assert.match(saying(zero), '"b" is zero at layer 0');
});

const python = spawnSync('python3', ['-c', 'import gguf, numpy']).status === 0;
testWhere(python, 'no python3 with numpy and gguf')('numpy and gguf read what we write', () => {
  const vectors = made();
  const [name] = vectors.directions.keys();
  saveVectors(at('p.npz'), vectors);
  saveVectors(at('p.gguf'), vectors);
  const script = path.join(root, 'scripts/vector_files.py');
  const { stdout, stderr } = spawnSync('python3', [script, 'show', at('p.npz'), at('p.gguf')], {
    encoding: 'utf8',
  });
  assert.ok(stdout, stderr);
  const shown = JSON.parse(stdout);
  const arrays = shown[at('p.npz')];
  const { unit, norm } = vectors.directions.get(name)!;
  assert.equal(arrays[`${name}.unit`], { dtype: '<f4', values: unit.map((row) => [...row]) });
  assert.equal(arrays[`${name}.norm`].values, [...norm]);
  const says = JSON.parse(arrays.__metadata__.values);
  assert.equal([says.format, says.version, says.note], ['tiller-vectors', '1', 'zwei\n„Zeilen“']);
  const { fields, tensors } = shown[at('p.gguf')];
  assert.equal(fields, {
    'general.architecture': 'controlvector',
    'general.name': name,
    'controlvector.model_hint': 'gemma2',
    'controlvector.layer_count': 3,
    'tiller.provenance': JSON.stringify(vectors.provenance),
  });
  assert.equal(Object.keys(tensors), ['direction.1', 'direction.2', 'direction.5']);
  close(
    Object.values<{ values: number[] }>(tensors).map(({ values }) => values),
    numbersOf(vectors, name),
  );
});

test.run();
