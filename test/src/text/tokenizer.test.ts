import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { InputError } from '../../../src/util/errors';

interface Reference {
  sha256: string;
  ids: number[][];
  withSpecial: number[][];
  decoded: string[];
  decodedSkipping: string[];
  cut: number[][];
  cutDecoded: string[];
  chat?: string[];
  doubleBos?: number[][];
  chatIds?: number[][];
  styles?: { name: string; template: string; chat: string[]; ids: number[][] }[];
}

// Written by fixtures/tokenizer/make.py with the Python libraries, whose versions it records.
const fixtures = join(__dirname, '../../fixtures', 'tokenizer');
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  texts: string[];
  chats: string[];
  models: Record<string, Reference>;
};
const folderOf = (name: string) =>
  name === 'tiny-gemma2' ? join(__dirname, '../../..', 'weights', name) : join(fixtures, name);
const count = (ids: number[], id?: number) => ids.filter((other) => other === id).length;

for (const [name, reference] of Object.entries(expected.models)) {
  const dir = folderOf(name);

  test(`${name}: the fixture was made from this tokenizer.json`, () => {
    const hash = createHash('sha256').update(readFileSync(join(dir, 'tokenizer.json')));
    assert.is(hash.digest('hex'), reference.sha256, 'run test/fixtures/tokenizer/make.py again');
  });

  test(`${name}: ids and texts equal Python's`, () => {
    const tokenizer = loadTokenizer(dir);
    expected.texts.forEach((text, i) => {
      const about = JSON.stringify(text);
      assert.equal(tokenizer.encode(text, { bos: false }), reference.ids[i], about);
      assert.equal(tokenizer.encode(text), reference.withSpecial[i], `with special: ${about}`);
      assert.is(tokenizer.decode(reference.ids[i]), reference.decoded[i], `decoded: ${about}`);
      const skipped = tokenizer.decode(reference.ids[i], { skipSpecialTokens: true });
      assert.is(skipped, reference.decodedSkipping[i], `decoded, specials skipped: ${about}`);
    });
    reference.cut.forEach((ids, i) => {
      assert.is(tokenizer.decode(ids), reference.cutDecoded[i], `cut ${ids}`);
    });
  });

  test(`${name}: a stream's pieces add up to the whole text`, () => {
    const tokenizer = loadTokenizer(dir);
    for (const ids of reference.ids) {
      for (const skipSpecialTokens of [true, false]) {
        const stream = tokenizer.stream({ skipSpecialTokens });
        const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
        assert.is(pieces.join(''), tokenizer.decode(ids, { skipSpecialTokens }), `${ids}`);
      }
    }
  });

  if (!reference.chat) continue;
  test(`${name}: chat text equals transformers', with BOS once, or twice when asked`, () => {
    const tokenizer = loadTokenizer(dir);
    expected.chats.forEach((chat, i) => {
      assert.is(tokenizer.formatPrompt(chat), reference.chat?.[i]);
      const ids = reference.chatIds?.[i] ?? [];
      // Python adds nothing to a template's text; here BOS is added where the template writes none.
      const withBos = ids[0] === tokenizer.bosId ? ids : [tokenizer.bosId, ...ids];
      assert.equal(tokenizer.encodePrompt(chat), withBos, chat);
      assert.equal(tokenizer.encodePrompt(chat, { doubleBos: true }), reference.doubleBos?.[i]);
      for (const style of ['raw', 'qa'] as const) {
        const other = tokenizer.encodePrompt(chat, { style });
        assert.equal(other.slice(0, 1), [tokenizer.bosId]);
        const text = style === 'qa' ? `Q: ${chat}\nA:` : chat;
        const plain = tokenizer.encode(text, { bos: false });
        assert.equal(other, plain[0] === tokenizer.bosId ? plain : [tokenizer.bosId, ...plain]);
      }
    });
  });
}

for (const [name, { styles = [] }] of Object.entries(expected.models)) {
  for (const style of styles) {
    test(`${name}: text and ids of the template "${style.name}" equal transformers'`, () => {
      changed(name, 'chat_template.jinja', style.template, (dir) => {
        const file = join(dir, 'tokenizer_config.json');
        const config = JSON.parse(readFileSync(file, 'utf8'));
        // A checkpoint that says so, as Phi-3 does, gets no BOS but the template's own.
        writeFileSync(file, JSON.stringify({ ...config, add_bos_token: false }));
        withoutPostProcessor(dir);
        const tokenizer = loadTokenizer(dir);
        expected.chats.forEach((chat, i) => {
          assert.is(tokenizer.formatPrompt(chat), style.chat[i]);
          assert.equal(tokenizer.encodePrompt(chat), style.ids[i], chat);
        });
      });
    });
  }
}

test('double BOS is double only where the template writes one itself', () => {
  const starts = (name: string) => {
    const tokenizer = loadTokenizer(folderOf(name));
    return count(tokenizer.encodePrompt('Why?', { doubleBos: true }), tokenizer.bosId);
  };
  assert.equal(['gemma', 'phi', 'mistral'].map(starts), [2, 1, 2]);
});

test('stop ids: the files, the EOS and the token after a model turn', () => {
  const tokens = (name: string) => {
    const tokenizer = loadTokenizer(folderOf(name));
    return tokenizer.stopIds.map((id) => tokenizer.idToToken(id)).sort();
  };
  assert.equal(tokens('gemma'), ['<end_of_turn>', '<eos>']);
  assert.equal(tokens('phi'), ['<|endoftext|>', '<|end|>'].sort());
  assert.equal(tokens('mistral'), ['</s>']);
  assert.equal(tokens('plain'), ['<|endoftext|>']);
});

test("generation_config.json's stop ids count, and config.json's only where it has none", () => {
  const stops = (files: Record<string, unknown>) => {
    let ids: number[] = [];
    changed('plain', 'tokenizer_config.json', '{"eos_token": "<|endoftext|>"}', (dir) => {
      for (const [name, eos_token_id] of Object.entries(files)) {
        writeFileSync(join(dir, name), JSON.stringify({ eos_token_id }));
      }
      ids = loadTokenizer(dir).stopIds;
    });
    return ids;
  };
  assert.equal(stops({}), [0]);
  assert.equal(stops({ 'generation_config.json': 7 }), [0, 7]);
  assert.equal(stops({ 'generation_config.json': [9, 7, 0], 'config.json': 8 }), [0, 7, 9]);
  assert.equal(stops({ 'generation_config.json': null, 'config.json': 8 }), [0, 8]);
});

test('a shown piece never ends inside a character', () => {
  const tokenizer = loadTokenizer(folderOf('gemma'));
  const stream = tokenizer.stream();
  const ids = tokenizer.encode('ab 🙂!', { bos: false });
  const pieces = ids.map((id) => stream.push(id)).filter((piece) => piece !== '');
  assert.is(pieces.join('|'), 'a|b| |🙂|!');
  assert.is(stream.end(), '');
});

test('nothing to decode, and ids that no token has', () => {
  const tokenizer = loadTokenizer(folderOf('gemma'));
  assert.is(tokenizer.decode([]), '');
  assert.is(tokenizer.decode([99999]), '');
  assert.is(tokenizer.decode([2, 1], { skipSpecialTokens: true }), '');
  assert.is(tokenizer.padId, 0);
  assert.is(loadTokenizer(folderOf('plain')).padId, 0, 'the EOS pads where no pad token is named');
  assert.is(tokenizer.vocabSize, 448);
});

/** A copy of a fixture with one file changed (or removed, when the text is null). */
function changed(name: string, file: string, text: string | null, run: (dir: string) => void) {
  const dir = mkdtempSync(join(tmpdir(), 'tiller-tokenizer-'));
  try {
    cpSync(folderOf(name), dir, { recursive: true });
    if (text === null) rmSync(join(dir, file));
    else writeFileSync(join(dir, file), text);
    run(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
function withoutPostProcessor(dir: string) {
  const file = join(dir, 'tokenizer.json');
  const data = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...data, post_processor: null }));
}
const refuses = (run: () => unknown, pattern: RegExp) =>
  assert.throws(
    run,
    (error: unknown) => {
      assert.instance(error, InputError);
      assert.match((error as Error).message, pattern);
      return true;
    },
    String(pattern),
  );

test('BOS is left out only where the checkpoint says so', () => {
  const config = { bos_token: '<s>', eos_token: '</s>', add_bos_token: false };
  changed('phi', 'tokenizer_config.json', JSON.stringify(config), (dir) => {
    const tokenizer = loadTokenizer(dir);
    // As in transformers 5, the post-processor of tokenizer.json has the last word.
    assert.is(count(tokenizer.encode('Why?'), tokenizer.bosId), 1);
    assert.is(count(tokenizer.encodePrompt('Why?'), tokenizer.bosId), 1);
    withoutPostProcessor(dir);
    const bare = loadTokenizer(dir);
    assert.is(count(bare.encode('Why?'), bare.bosId), 0);
    assert.is(count(bare.encodePrompt('Why?'), bare.bosId), 0);
    assert.is(count(bare.encode('Why?', { bos: true }), bare.bosId), 1);
  });
  changed('plain', 'tokenizer_config.json', '{"bos_token": null}', (dir) => {
    const tokenizer = loadTokenizer(dir);
    assert.equal(tokenizer.encodePrompt('a', { style: 'raw' }), tokenizer.encode('a'));
  });
});

test('templates: a named list, a broken one, one that refuses, and none', () => {
  const config = (chat_template: unknown) =>
    JSON.stringify({ bos_token: '<bos>', eos_token: '<eos>', chat_template });
  const named = [
    { name: 'tool_use', template: 'no' },
    { name: 'default', template: '{{ messages[0].content }}{{ none is none and tools is none }}' },
  ];
  changed('gemma', 'tokenizer_config.json', config(named), (dir) =>
    assert.is(loadTokenizer(dir).formatPrompt('Hi'), 'HiTrue'),
  );
  changed('gemma', 'tokenizer_config.json', config('{% for m in %}'), (dir) => {
    const tokenizer = loadTokenizer(dir);
    assert.ok(tokenizer.encodePrompt('Hi', { style: 'raw' }).length > 1);
    refuses(() => tokenizer.encodePrompt('Hi'), /tokenizer_config\.json.*can't be rendered/);
  });
  changed('gemma', 'tokenizer_config.json', config("{{ raise_exception('not so') }}"), (dir) =>
    refuses(() => loadTokenizer(dir).formatPrompt('Hi'), /not so/),
  );
  changed('gemma', 'tokenizer_config.json', config(7), (dir) =>
    refuses(() => loadTokenizer(dir), /chat_template must be a text/),
  );
  const plain = loadTokenizer(folderOf('plain'));
  assert.not.ok(plain.hasChatTemplate);
  refuses(() => plain.formatPrompt('Hi'), /plain has no chat template.*style raw or qa/);
});

/** A fixture's tokenizer.json with some keys changed. */
function withParts(name: string, parts: object): string {
  const data = JSON.parse(readFileSync(join(folderOf(name), 'tokenizer.json'), 'utf8'));
  return JSON.stringify({ ...data, ...parts });
}

test('malformed parts of tokenizer.json and its companions are named with file and key', () => {
  const model = (parts: object) => {
    const own = JSON.parse(readFileSync(join(folderOf('gemma'), 'tokenizer.json'), 'utf8')).model;
    return withParts('gemma', { model: { ...own, ...parts } });
  };
  const tokens = (token: unknown) => withParts('gemma', { added_tokens: [token] });
  const cases: [string, string, RegExp][] = [
    ['tokenizer.json', tokens({ id: 0, content: 7 }), /added_tokens\[0\]\.content must be a text/],
    ['tokenizer.json', tokens({ id: 'x', content: 'a' }), /added_tokens\[0\]\.id must be a whole/],
    ['tokenizer.json', tokens({ id: 0, content: 'a', lstrip: 1 }), /lstrip must be true or false/],
    ['tokenizer.json', tokens(null), /added_tokens\[0\] must be an object/],
    ['tokenizer.json', withParts('gemma', { added_tokens: {} }), /added_tokens must be a list/],
    ['tokenizer.json', model({ vocab: { a: -1 } }), /model\.vocab\."a" must be an id, not -1/],
    ['tokenizer.json', model({ vocab: { a: 1e12 } }), /model\.vocab\."a" must be an id/],
    ['tokenizer.json', model({ vocab: 3 }), /model\.vocab must be an object/],
    ['tokenizer.json', model({ merges: [['a']] }), /model\.merges\[0\] must be two tokens/],
    ['tokenizer.json', model({ merges: 'a b' }), /model\.merges must be a list/],
    ['tokenizer.json', model({ dropout: 0.1 }), /model\.dropout makes ids random/],
    ['tokenizer.json', model({ type: 'Magic' }), /tokenizer\.json/],
    ['tokenizer.json', withParts('gemma', { decoder: { type: 'CTC' } }), /decoder\.type "CTC"/],
    ['tokenizer.json', withParts('gemma', { normalizer: { type: 'Nmt' } }), /tokenizer\.json/],
    ['tokenizer.json', withParts('gemma', { pre_tokenizer: 5 }), /pre_tokenizer must be an object/],
    ['tokenizer_config.json', '{"added_tokens_decoder": {"0": 1}}', /added_tokens_decoder\.0 must/],
    [
      'tokenizer_config.json',
      '{"added_tokens_decoder": {"x": {"content": "a"}}}',
      /x must be an id/,
    ],
    [
      'tokenizer_config.json',
      '{"eos_token": {"content": []}}',
      /eos_token\.content must be a text/,
    ],
    ['tokenizer_config.json', '{"extra_special_tokens": [1]}', /extra_special_tokens\[0\] must/],
    [
      'tokenizer_config.json',
      '{"tokenizer_class": "T5Tokenizer"}',
      /tokenizer_class is "T5Tokenizer"/,
    ],
    ['special_tokens_map.json', '{"bos_token": 3}', /special_tokens_map\.json: bos_token must be/],
    ['added_tokens.json', '{"a": "b"}', /added_tokens\.json: a must be a whole number/],
  ];
  for (const [file, text, pattern] of cases) {
    changed('gemma', file, text, (dir) => refuses(() => loadTokenizer(dir), pattern));
  }
});

test('a model of type mistral takes tokenizer.json as it is, whatever class is named', () => {
  changed('gemma', 'tokenizer_config.json', '{"tokenizer_class": "T5Tokenizer"}', (dir) => {
    writeFileSync(join(dir, 'config.json'), '{"model_type": "mistral"}');
    const expected = loadTokenizer(folderOf('gemma')).encode('Hello', { bos: false });
    assert.equal(loadTokenizer(dir).encode('Hello', { bos: false }), expected);
  });
});

test('a regular expression that takes too long is an error', () => {
  const pattern = { Regex: '(a+)+$' };
  const pre_tokenizer = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
  changed('plain', 'tokenizer.json', withParts('plain', { pre_tokenizer }), (dir) => {
    const tokenizer = loadTokenizer(dir);
    assert.ok(tokenizer.encode('aaab').length > 0);
    refuses(() => tokenizer.encode(`${'a'.repeat(60)}b`), /regular expressions take too long/);
  });
});

test('missing and malformed files are named', () => {
  refuses(() => loadTokenizer('/nowhere/model'), /no folder \/nowhere\/model/);
  const cases: [string, string | null, RegExp][] = [
    ['tokenizer.json', null, /tokenizer\.json is missing/],
    ['tokenizer.json', '{"model": ', /tokenizer\.json can't be read as JSON/],
    ['tokenizer.json', '[]', /tokenizer\.json must hold a JSON object/],
    ['tokenizer.json', '{}', /tokenizer\.json: model is missing: this isn't a tokenizer/],
    ['tokenizer.json', '{"model": {"type": "BPE"}}', /tokenizer\.json: model\.vocab is missing/],
    ['tokenizer.json', '{"model": []}', /tokenizer\.json: model must be an object/],
    ['tokenizer_config.json', '"x"', /tokenizer_config\.json must hold/],
    ['tokenizer_config.json', '{"bos_token": 7}', /tokenizer_config\.json: bos_token must be/],
    ['generation_config.json', '{"eos_token_id": "1"}', /generation_config\.json: eos_token_id/],
    ['config.json', '{', /config\.json can't be read/],
  ];
  for (const [file, text, pattern] of cases) {
    changed('gemma', file, text, (dir) => refuses(() => loadTokenizer(dir), pattern));
  }
});

if (existsSync(join(folderOf('tiny-gemma2'), 'tokenizer.json'))) {
  test('the shipped tokenizer has its reference', () => {
    assert.ok(expected.models['tiny-gemma2'], 'run test/fixtures/tokenizer/make.py');
  });
}

test.run();
