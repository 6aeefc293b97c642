/** An edit written as text is read as the same edit; what the form can't say is not written. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseSteer, type SteerSpec } from '../../../src/vectors/steerSpec';
import { steerText } from '../../../src/vectors/steerText';

const read = (text: string) => parseSteer(text, (file) => /^[^:@]+\.\w+$/.test(file));

for (const text of [
  'v.safetensors',
  'v.safetensors:shout',
  'v.safetensors@4*1.5x:add:last',
  'v.safetensors:shout@4*-2:prompt',
  'v.safetensors@0',
  'v.safetensors@4:project',
  'v.safetensors@4:project(0)',
  'v.safetensors:ablate',
  'v.safetensors@4:clamp(,3)',
  'v.safetensors@4:clamp(1)',
  'v.safetensors@4:clamp(1,3):generated',
  'v.safetensors@4:rotate(30)',
  'v.safetensors@4:rotate(30,second):all',
  'v.safetensors@4*1x:when(probe@2>0.5,cosine,prompt)',
  'v.safetensors@4*1x:when()',
]) {
  test(text, () => {
    assert.is(steerText(read(text)), text);
  });
}

const said: SteerSpec = { when: { below: 2 }, weight: '1x', layer: 4, file: 'v.safetensors' };
test('whatever the order of the keys', () => {
  assert.is(steerText({ ...said, name: undefined }), 'v.safetensors@4*1x:when(<2)');
});

const unsaid: [string, Partial<SteerSpec>][] = [
  ['a source', { source: 2 }],
  ['a weight without a layer', { layer: undefined }],
  ['a name that is a word of the form', { name: 'last', layer: undefined, weight: undefined }],
  ['the source of a condition', { when: { source: 1 } }],
  ['a condition between two numbers', { when: { above: 1, below: 2 } }],
];
for (const [what, more] of unsaid) {
  test(`not said: ${what}`, () => assert.is(steerText({ ...said, ...more }), undefined));
}

test.run();
