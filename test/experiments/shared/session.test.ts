import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openSession } from '../../../experiments/shared/session';
import type { Edit } from '../../../src/engine/steering';
import { makeModel, meanActivation } from '../helpers';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-session-'));
const model = makeModel(path.join(temp, 'chars'));
// Gemma's own class would decode in its own way.
const config = path.join(model, 'tokenizer_config.json');
const settings = JSON.parse(fs.readFileSync(config, 'utf8'));
fs.writeFileSync(
  config,
  JSON.stringify({ ...settings, tokenizer_class: 'PreTrainedTokenizerFast' }),
);
test.after(() => fs.rmSync(temp, { recursive: true }));

const open = (
  dir: string,
  more: { compat?: ('drop_last_token' | 'double_bos')[]; prompt_style?: 'qa' } = {},
) =>
  openSession({
    model_name: dir,
    backend: 'wasm',
    device: null,
    dtype: null,
    prompt_style: null,
    compat: null,
    ...more,
  });

const ask = (prompt: string, edits: Edit[] = []) => [{ prompt, edits }];

test('a base model’s answer ends where it asks itself the next question', async () => {
  const [plain] = await (await open(model, { prompt_style: 'qa' })).answer(ask('What is it?'), 24);
  assert.is(plain.response.length, 24, 'a token is a character here');
  const isNew = (at: number) => plain.response.indexOf(plain.response.slice(at, at + 4)) === at;
  const at = Array.from({ length: 18 }, (_, i) => i + 2).find(isNew)!;
  const marker = plain.response.slice(at, at + 4);

  // The same model, whose four tokens there are read as "Q:".
  const asking = path.join(temp, 'asking');
  fs.cpSync(model, asking, { recursive: true });
  const file = path.join(asking, 'tokenizer.json');
  const json = JSON.parse(fs.readFileSync(file, 'utf8'));
  const replace = { type: 'Replace', pattern: { String: marker }, content: 'Q:' };
  json.decoder = { type: 'Sequence', decoders: [{ type: 'Fuse' }, replace] };
  fs.writeFileSync(file, JSON.stringify(json));
  const [cut] = await (await open(asking, { prompt_style: 'qa' })).answer(ask('What is it?'), 24);
  assert.is(cut.response, plain.response.slice(0, at));
  assert.is(cut.tokens, at + 4, 'nothing is written after the question');
  assert.is(cut.stopped, 'stop');
  // A model that is asked by its chat template may write "Q:".
  const chat = await open(asking);
  const [whole] = await chat.answer(ask('What is it?'), 24);
  assert.is(whole.tokens, 24);
});

test('drop_last_token drops it from steered answers at the limit, and from no others', async () => {
  const session = await open(model, { compat: ['drop_last_token'] });
  const vector = new Float32Array(session.model.config.dModel).fill(0.1);
  const edits: Edit[] = [{ kind: 'add', layer: 1, vector, weight: 1, positions: 'all' }];
  const [both, plain] = await Promise.all(
    [edits, []].map((some) => session.answer(ask('What is it?', some), 9)),
  );
  const without = await open(model);
  const [full] = await without.answer(ask('What is it?', edits), 9);
  assert.is(full.tokens, 9);
  assert.equal([both[0].tokens, both[0].response], [8, full.response.slice(0, 8)]);
  assert.equal([plain[0].tokens, plain[0].response.length], [9, 9]);
});

test('double_bos puts a second BOS before chat text, and activations are others', async () => {
  const adding = path.join(temp, 'adding');
  fs.cpSync(model, adding, { recursive: true });
  const file = path.join(adding, 'tokenizer.json');
  const json = JSON.parse(fs.readFileSync(file, 'utf8'));
  const bos = { SpecialToken: { id: '<bos>', type_id: 0 } };
  const text = { Sequence: { id: 'A', type_id: 0 } };
  json.post_processor = {
    type: 'TemplateProcessing',
    single: [bos, text],
    pair: [bos, text],
    special_tokens: { '<bos>': { id: '<bos>', ids: [2], tokens: ['<bos>'] } },
  };
  fs.writeFileSync(file, JSON.stringify(json));
  const sessions = [await open(adding), await open(adding, { compat: ['double_bos'] })];
  const [one, two] = sessions.map((session) => session.encode('What is it?'));
  assert.equal(one.slice(0, 2), [2, 4], '<bos><start>');
  assert.equal(two, [2, ...one]);
  // What vectors are computed from is another, so they are. (A session's model goes with the next one.)
  const plain = await meanActivation(await open(adding), ['What is it?'], 1);
  const doubled = await open(adding, { compat: ['double_bos'] });
  const other = await meanActivation(doubled, ['What is it?'], 1);
  assert.ok(plain.some((value, i) => Math.abs(value - other[i]) > 0.01));
  // Text that is no chat has one in any case.
  const qa = await open(adding, { compat: ['double_bos'], prompt_style: 'qa' });
  assert.is(qa.encode('What is it?').filter((id) => id === 2).length, 1);
});

test.run();
