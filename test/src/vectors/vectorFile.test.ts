/** Vector files that were altered are refused, whatever was altered; sound ones come back as they were. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveEdit } from '../../../experiments/shared/vectors/edits';
import { loadDirections } from '../../../experiments/shared/vectors/load';
import { seededRandom } from '../../../src/util/random';
import { type Direction, directionOf } from '../../../src/vectors/direction';
import { loadVectors, saveVectors } from '../../../src/vectors/vectorFile';
import { Safetensors, writeSafetensors } from '../../../weights/safetensors';
import { refusal as refusedWith } from '../../refusal';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-vectors-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

const LAYERS = [0, 3];
const WIDTH = 5;
const random = seededRandom(1);
/** Activations of 3 prompts; means of some hundred beside differences of a few, as in large models. */
const rows = (shift: number) =>
  Array.from({ length: 3 }, () =>
    Float32Array.from(
      { length: LAYERS.length * WIDTH },
      (_, i) => 300 * (i % 3) + shift + random(),
    ),
  );
const direction = () => directionOf(rows(1), rows(0), LAYERS);
const file = path.join(temp, 'a.safetensors');
const save = (directions: Map<string, Direction>) =>
  saveVectors(file, { directions, layers: LAYERS, provenance: { model: 'm', seed: '42' } });

test('what was saved comes back', () => {
  const directions = new Map([
    ['x', direction()],
    ['a\nb.unit', direction()],
  ]);
  save(directions);
  const loaded = loadVectors(file);
  assert.equal(loaded.directions, directions);
  assert.equal(loaded.layers, LAYERS);
});

test('every flipped bit of the numbers, and of what the file says, is noticed', () => {
  save(new Map([['x', direction()]]));
  const bytes = fs.readFileSync(file);
  const header = 8 + Number(bytes.readBigUInt64LE());
  const copy = path.join(temp, 'flipped.safetensors');
  for (let at = header; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at] ^= 1 << (at % 8);
    fs.writeFileSync(copy, flipped);
    assert.match(
      refusedWith(() => loadVectors(copy)),
      'flipped.safetensors is damaged',
      `${at}`,
    );
  }
  const text = bytes.toString('latin1');
  fs.writeFileSync(copy, Buffer.from(text.replace('"seed":"42"', '"seed":"43"'), 'latin1'));
  assert.match(
    refusedWith(() => loadVectors(copy)),
    'checksum',
  );
});

test('vectors that are not what their means say are refused, with the layer', () => {
  const changes: [string, RegExp, (of: Direction) => void][] = [
    ['zero', /layer 3: its unit vector has length 0/, ({ unit }) => unit[1].fill(0)],
    ['scaled', /length 2\.000/, ({ unit }) => unit[1].set(unit[1].map((x) => 2 * x))],
    [
      'negated',
      /not the difference of its means/,
      ({ unit }) => unit[1].set(unit[1].map((x) => -x)),
    ],
    ['norm', /not the difference of its means/, ({ norm }) => norm.set([norm[1] * 1.01], 1)],
    ['negative norm', /not the difference/, ({ norm }) => norm.set([-norm[1]], 1)],
    ['mean', /not the difference of its means/, ({ meanWith }) => meanWith[1].fill(7, 2, 3)],
    ['NaN', /not finite/, ({ projectionWith }) => projectionWith.fill(Number.NaN, 1)],
    ['infinity', /not finite/, ({ meanWithout }) => meanWithout[1].fill(Infinity, 0, 1)],
    ['projection', /projections/, ({ projectionWith }) => projectionWith.set([0], 1)],
    ['other projection', /projections/, ({ projectionWithout }) => projectionWithout.set([0], 1)],
  ];
  for (const [what, message, change] of changes) {
    const altered = direction();
    change(altered);
    // With a checksum of its own: only the means tell.
    save(new Map([['x', altered]]));
    const refusal = refusedWith(() => loadVectors(file));
    assert.match(refusal, message, what);
    assert.match(refusal, '"x", layer 3', what);
  }
});

test('a file that is no vector file, or has other shapes, is refused in words', () => {
  save(new Map([['x', direction()]]));
  const source = Safetensors.open(file);
  const tensors = () =>
    Object.fromEntries(
      [...source.tensors.values()].map(({ name, shape }) => [
        name,
        { dtype: 'F32' as const, shape, data: source.readFloat32(name) },
      ]),
    );
  const other = path.join(temp, 'other.safetensors');
  const refusal = (
    change: (all: ReturnType<typeof tensors>) => void,
    says: Record<string, string>,
  ) => {
    const all = tensors();
    change(all);
    writeSafetensors(other, all, says);
    return refusedWith(() => loadVectors(other));
  };
  const nothing = () => {};
  for (const layers of ['x', '{}', '"0"', '[]', '[0,0]', '[0,-1]', '[0,1.5]', 'null', '[[0],3]']) {
    assert.match(refusal(nothing, { layers }), 'not a list of numbers', layers);
  }
  assert.match(refusal(nothing, {}), 'not a vector file');
  const layers = JSON.stringify(LAYERS);
  assert.match(
    refusal((all) => delete all['x.norm'], { layers }),
    '"x.norm" is missing',
  );
  assert.match(
    refusal((all) => delete all['x.unit'], { layers }),
    'holds no vectors',
  );
  assert.match(refusal(nothing, { layers: '[0,1,2]' }), 'shape [2,5], not [3,5]');
  const short = { dtype: 'F32' as const, shape: [2, 4], data: new Float32Array(8) };
  assert.match(
    refusal((all) => (all['x.mean_with'] = short), { layers }),
    'not [2,5]',
  );
  const flat = { dtype: 'F32' as const, shape: [10], data: new Float32Array(10) };
  assert.match(
    refusal((all) => (all['x.unit'] = flat), { layers }),
    'shape [10]',
  );
  source.close();
});

test('vectors without means come back without, and are refused where means are needed', () => {
  const { unit, norm } = direction();
  const directions = new Map([['x', { unit, norm }]]);
  const origins = { x: { method: 'pca' } };
  saveVectors(file, { directions, layers: LAYERS, provenance: { model: 'm' }, origins });
  assert.equal(loadVectors(file), {
    ...{ directions, layers: LAYERS, provenance: { model: 'm' }, origins },
  });
  assert.match(
    refusedWith(() => loadDirections(file)),
    /"x" comes without the mean activations/,
  );
  const settings = { y: { layer: 0 } };
  const misnamed = () =>
    saveVectors(file, { directions, layers: LAYERS, provenance: {}, settings });
  assert.match(refusedWith(misnamed), 'settings: there is no vector "y"');
  norm[1] = 0;
  saveVectors(file, { directions, layers: LAYERS, provenance: {} });
  assert.match(
    refusedWith(() => loadVectors(file)),
    'layer 3: its norm is 0',
  );
});

test('only of the mean difference is the vector checked against the difference of its means', () => {
  const turned = directionOf(rows(1), rows(0), LAYERS);
  turned.norm[0] *= 2;
  const directions = new Map([['x', turned]]);
  saveVectors(file, { directions, layers: LAYERS, provenance: { method: 'pca' } });
  assert.equal(loadVectors(file).directions, directions);
  save(directions);
  assert.match(
    refusedWith(() => loadVectors(file)),
    'not the difference',
  );
});

test('files from before version 1 are read, those of a later version are not', () => {
  save(new Map([['x', direction()]]));
  const source = Safetensors.open(file);
  const tensors = Object.fromEntries(
    [...source.tensors.values()].map(({ name, shape }) => [
      name,
      { dtype: 'F32' as const, shape, data: source.readFloat32(name) },
    ]),
  );
  source.close();
  const { checksum, format, version, ...says } = source.metadata;
  assert.equal([format, version, says.layers], ['tiller-vectors', '1', '[0,3]']);
  const other = path.join(temp, 'older.safetensors');
  writeSafetensors(other, tensors, says);
  assert.equal(loadVectors(other).directions, loadVectors(file).directions);
  const refusal = (metadata: Record<string, string>) => {
    writeSafetensors(other, tensors, metadata);
    return refusedWith(() => loadVectors(other));
  };
  assert.match(
    refusal({ ...says, format, version: '2', checksum }),
    /version "2".*reads version 1.*update/,
  );
  assert.match(refusal({ ...says, format: 'pt' }), 'not a vector file');
  assert.match(refusal({ ...says, format, version }), 'its checksum is another');
  for (const settings of ['x', '[]', '3', '{"x":1}', '{"x":[]}']) {
    assert.match(refusal({ ...says, settings }), 'not objects by the names', settings);
  }
  assert.match(refusal({ ...says, curves: '{"x":{}}' }), 'not lists by the names');
});

test('an edit takes the vector of its source layer, where it has one, and acts at its own', () => {
  const vectors = { directions: new Map([['x', direction()]]), layers: LAYERS };
  const { unit, norm } = vectors.directions.get('x')!;
  const edit = { kind: 'add', vector: 'x', layer: 0, positions: 'all', weight: '2x' } as const;
  const at = (source?: number) => resolveEdit({ ...edit, source }, [vectors]);
  const [own, other] = [at(), at(3)];
  assert.equal([own.layer, own.vector], [0, unit[0]]);
  assert.equal([other.layer, other.vector], [0, unit[1]]);
  assert.equal(other.kind === 'add' && other.weight, 2 * norm[1]);
  assert.throws(() => at(1), /no vector for layer 1/);
});

test.run();
