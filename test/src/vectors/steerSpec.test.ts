/** How people write an edit, read; and what is told of what can't be read. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isFile } from '../../../src/util/files';
import type { Direction } from '../../../src/vectors/direction';
import { checkVectorsFit, resolveSteer } from '../../../src/vectors/resolveSteer';
import { checkSteer, parseSteer, type SteerSpec } from '../../../src/vectors/steerSpec';
import type { VectorFile } from '../../../src/vectors/vectorFile';
import { refusal } from '../../refusal';

const FILES = ['v', 'a:b.st', 'a', 'me@home.st', 'C:\\v.st', 'v:add', 'x@4*1x'];
const read = (text: string) => parseSteer(text, (file) => FILES.includes(file));

const forms: [string, SteerSpec][] = [
  ['v', { file: 'v' }],
  ['v:shout', { file: 'v', name: 'shout' }],
  ['v@4', { file: 'v', layer: 4 }],
  ['v@4*1.5x', { file: 'v', layer: 4, weight: '1.5x' }],
  ['v@0*-2', { file: 'v', layer: 0, weight: -2 }],
  ['v@12*-.5x:last', { file: 'v', layer: 12, weight: '-.5x', positions: 'last' }],
  ['v@4*2e1', { file: 'v', layer: 4, weight: 20 }],
  [
    'v:lowercase@4*1.5x:add:last',
    { file: 'v', name: 'lowercase', layer: 4, weight: '1.5x', kind: 'add', positions: 'last' },
  ],
  ['v@4:project', { file: 'v', layer: 4, kind: 'project' }],
  [
    'v@4:generated:project(1.5)',
    { file: 'v', layer: 4, kind: 'project', target: 1.5, positions: 'generated' },
  ],
  ['v@4:clamp(-2, 3)', { file: 'v', layer: 4, kind: 'clamp', min: -2, max: 3 }],
  ['v@4:clamp', { file: 'v', layer: 4, kind: 'clamp' }],
  ['v@4:clamp(,3)', { file: 'v', layer: 4, kind: 'clamp', max: 3 }],
  ['v@4:clamp(1)', { file: 'v', layer: 4, kind: 'clamp', min: 1 }],
  ['v@4:rotate(30,a b)', { file: 'v', layer: 4, kind: 'rotate', angle: 30, second: 'a b' }],
  ['v@4*1x:when()', { file: 'v', layer: 4, weight: '1x', when: {} }],
  [
    'v@4:ablate:when(harm:x@3>-2.5,prompt):last',
    {
      ...{ file: 'v', layer: 4, kind: 'ablate', positions: 'last' },
      when: { name: 'harm:x', layer: 3, above: -2.5, at: 'prompt' },
    },
  ],
  ['v:when(<.1,cosine)', { file: 'v', when: { below: 0.1, of: 'cosine' } }],
  ['v@4:rotate(30)', { file: 'v', layer: 4, kind: 'rotate', angle: 30 }],
  ['v@4:ablate:prompt', { file: 'v', layer: 4, kind: 'ablate', positions: 'prompt' }],
  ['v:project', { file: 'v', kind: 'project' }],
  ['v:shout:project:all', { file: 'v', name: 'shout', kind: 'project', positions: 'all' }],
  // Names of vectors hold colons, such as IFEval's ids; so do names of files, and at signs.
  [
    'v:change_case:english_lowercase@1*1x',
    { file: 'v', name: 'change_case:english_lowercase', layer: 1, weight: '1x' },
  ],
  ['v:change_case:x:last', { file: 'v', name: 'change_case:x', positions: 'last' }],
  ['v:a@b@3*1', { file: 'v', name: 'a@b', layer: 3, weight: 1 }],
  ['a:b.st:c@1*1', { file: 'a:b.st', name: 'c', layer: 1, weight: 1 }],
  ['a:c@1*1', { file: 'a', name: 'c', layer: 1, weight: 1 }],
  ['me@home.st@1*1', { file: 'me@home.st', layer: 1, weight: 1 }],
  ['C:\\v.st:c@1*1', { file: 'C:\\v.st', name: 'c', layer: 1, weight: 1 }],
  ['v:add', { file: 'v:add' }],
  ['x@4*1x', { file: 'x@4*1x' }],
];
for (const [text, spec] of forms) {
  test(`reads ${text}`, () => assert.equal(read(text), spec));
}

const unreadable: [string, RegExp][] = [
  ['', /names no vector file: there is no name before the first sign/],
  ['w@4*1x', /no vector file: there is no w\. Write file\[:name\]/],
  ['C:\\w.st@4', /there is no C:\\w\.st\./],
  ['v@', /can't read "@" after the file/],
  ['v@four*1x', /can't read "@four\*1x" after the file/],
  ['v@1.5*1x', /can't read/],
  ['vv', /there is no vv/],
  ['v@4*', /after \* stands a weight, a number, or .* not ""/],
  ['v@4*1.5y', /not "1.5y"/],
  ['v@4*Infinity', /not "Infinity"/],
  ['v@4:projct', /"projct" is neither a kind .* Did you mean "project"/],
  ['v@4*1x:lost', /Did you mean "last"/],
  ['v@4:last:all', /two positions: last and all/],
  ['v@4:add:ablate', /two kinds: add and ablate/],
  ['v@4:clamp(a,b)', /"clamp\(a,b\)" is written clamp\(min,max\), of numbers/],
  ['v@4:clamp(1,2,3)', /is written clamp/],
  ['v@4:clamp()', /is written clamp/],
  ['v@4:clamp(-Infinity)', /min is -Infinity, not a finite number/],
  ['v@4:rotate(x)', /is written rotate\(angle,second\), of numbers/],
  ['v@4:when(a>b)', /"when\(a>b\)" is written when\(probe@layer>number\)/],
  ['v@4:when(a>1,cosin)', /is written when/],
  ['v@4:when(a>1):when(a<2)', /has two conditions\. Give one/],
  ['v@4:last(1)', /is written last, without more/],
  ['v@4:ablate()', /is written ablate, without more/],
  ['v@4*2:project', /an edit of kind project has a target, no weight \(add has\)/],
];
for (const [text, message] of unreadable) {
  test(`refuses "${text}"`, () =>
    assert.match(
      refusal(() => read(text)),
      message,
    ));
}

test('a file is looked for on the disk', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-spec-'));
  const file = path.join(dir, 'a@2*1x:b.safetensors');
  fs.writeFileSync(file, '');
  assert.equal(parseSteer(`${file}@3*2`, isFile), { file, layer: 3, weight: 2 });
  assert.match(
    refusal(() => parseSteer(`${dir}@3*2`, isFile)),
    /names no vector file/,
  );
  fs.rmSync(dir, { recursive: true });
});

const wrong: [unknown, RegExp][] = [
  [[], /steering\[0\] is an empty list, not an object/],
  [{ file: 'v', lyer: 4 }, /there is no "lyer" .*Did you mean "layer"/],
  [{ layer: 4 }, /file is undefined, not a text/],
  [{ file: 'v', name: 3 }, /name is 3, not a text/],
  [{ file: 'v', layer: -1 }, /layer is -1, not a whole number/],
  [{ file: 'v', layer: '4' }, /layer is "4"/],
  [{ file: 'v', layer: 4, weight: 'heavy' }, /weight is "heavy", not a number, or/],
  [{ file: 'v', layer: 4, kind: 'ad' }, /Did you mean "add"/],
  [{ file: 'v', layer: 4, target: 3 }, /kind add has a weight, no target \(project has\)/],
  [{ file: 'v', layer: 4, kind: 'clamp', min: '3' }, /min is "3", not a finite number/],
  [{ file: 'v', layer: 4, kind: 'rotate', second: 3 }, /second is 3, not a text/],
  [{ file: 'v', when: { nme: 'a' } }, /when: there is no "nme" .*Did you mean "name"/],
  [{ file: 'v', when: { name: 3 } }, /when: name is 3, not a text/],
  [{ file: 'v', layer: 4, kind: 'rotate', angle: '30' }, /angle is "30", not a finite number/],
  [{ file: 'v', layer: 4, positions: 'first' }, /positions is "first"/],
];
for (const [value, message] of wrong) {
  test(`refuses ${JSON.stringify(value)}`, () => {
    assert.match(
      refusal(() => checkSteer(value, 'steering[0]')),
      message,
    );
  });
}

/** Vectors of width 2 for layers 1 and 3: at layer l, [1, 0] of norm l. */
function vectorsOf(names: string[], settings?: VectorFile['settings']): VectorFile<Direction> {
  const unit = [1, 3].map(() => Float32Array.of(1, 0));
  const meanWith = [1, 3].map((layer) => Float32Array.of(layer + 5, 0));
  const meanWithout = [1, 3].map(() => Float32Array.of(5, 0));
  const values = { unit, meanWith, meanWithout, norm: Float32Array.of(1, 3) };
  const projections = {
    projectionWith: Float32Array.of(6, 8),
    projectionWithout: Float32Array.of(5, 5),
  };
  return {
    directions: new Map(names.map((name) => [name, { ...values, ...projections }])),
    layers: [1, 3],
    provenance: { model: 'one', model_fingerprint: 'f1' },
    ...(settings && { settings }),
  };
}
const vector = Float32Array.of(1, 0);

test('a spec becomes the edit that it says', () => {
  const one = vectorsOf(['shout']);
  assert.equal(resolveSteer(read('v@3*1.5x:last'), one), {
    ...{ kind: 'add', layer: 3, vector, positions: 'last', weight: 4.5 },
  });
  assert.equal(resolveSteer(read('v:shout@1:project'), one), {
    ...{ kind: 'project', layer: 1, vector, target: 6 },
  });
});

test('what a search found stands in for what a spec leaves out', () => {
  const found = vectorsOf(['a', 'b'], { a: { layer: 3, weight: '2x', positions: 'last' } });
  const edit = { kind: 'add', layer: 3, vector, positions: 'last', weight: 6 };
  assert.equal(resolveSteer(read('v:a'), found), edit);
  assert.equal(resolveSteer(read('v:a:all'), found), { ...edit, positions: 'all' });
  assert.equal(resolveSteer(read('v:a:project'), found), {
    ...{ kind: 'project', layer: 3, vector, positions: 'last', target: 8 },
  });
  assert.equal(resolveSteer(read('v:a@1*1x'), found), { kind: 'add', layer: 1, vector, weight: 1 });
  const missing = refusal(() => resolveSteer(read('v:b'), found));
  assert.match(
    missing,
    /^v: no search .* "b".*: v:b@3\*1x \(it holds a, b for layers 1, 3\), or .*search/,
  );
});

const misfits: [string, RegExp][] = [
  ['v', /^v: Which vector\? Give its name \(there are: loud, soft\)/],
  ['v:lud@1*1x', /^v: There is no vector "lud".*Did you mean "loud"/],
  ['v:loud@2*1x', /^v: There is no vector for layer 2 \(there are: 1, 3\)/],
  ['v:loud@1', /needs a weight, such as 2 or "1x"/],
];
for (const [text, message] of misfits) {
  test(`does not fit: ${text}`, () => {
    assert.match(
      refusal(() => resolveSteer(read(text), vectorsOf(['loud', 'soft']))),
      message,
    );
  });
}

test('vectors of another model are refused with the numbers', () => {
  const lm = (dModel: number, nLayers: number, fingerprint: string) =>
    ({ name: 'two', fingerprint, model: { config: { dModel, nLayers } } }) as never;
  const fit = (model: never, anyModel = false) =>
    checkVectorsFit(vectorsOf(['a']), model, { file: 'v', anyModel });
  fit(lm(2, 4, 'f1'));
  fit(lm(2, 4, 'f2'), true);
  assert.match(
    refusal(() => fit(lm(2, 4, 'f2'))),
    /made with one \(f1\); this is two \(f2\)\. .*--any-model/,
  );
  for (const any of [false, true]) {
    assert.match(
      refusal(() => fit(lm(3, 4, 'f1'), any)),
      /of one have 2 numbers; .* two has 3/,
    );
    assert.match(
      refusal(() => fit(lm(2, 3, 'f1'), any)),
      /layers up to 3; two has layers 0 to 2/,
    );
  }
});

test.run();
