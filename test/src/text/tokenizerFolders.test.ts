/** Tokenizer folders of many kinds and of both ages give what transformers gives. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTokenizer } from '../../../src/text/loadTokenizer';

interface Reference {
  texts: string[];
  plain: number[][];
  special: number[][];
  ids: number[][];
  decoded: string[];
  skipping: string[];
  bos: number | null;
  eos: number | null;
  pad: number | null;
  size: number;
}

// Written by make.py there, with the Python libraries, whose versions it records.
const fixtures = join(__dirname, '../../fixtures/tokenizerFolders');
const { folders } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  folders: Record<string, Reference>;
};

for (const [name, right] of Object.entries(folders)) {
  test(`${name}: ids, decoded texts and special ids equal transformers'`, () => {
    const tokenizer = loadTokenizer(join(fixtures, name));
    assert.is(tokenizer.bosId, right.bos ?? undefined, 'BOS');
    assert.is(tokenizer.eosId, right.eos ?? undefined, 'EOS');
    if (right.pad !== null) assert.is(tokenizer.padId, right.pad, 'padding');
    if (right.eos !== null) assert.ok(tokenizer.stopIds.includes(right.eos), 'EOS stops');
    assert.is(tokenizer.vocabSize, right.size, 'size');
    assert.ok(right.texts.length > 15);
    right.texts.forEach((text, i) => {
      const about = JSON.stringify(text);
      assert.equal(tokenizer.encode(text, { bos: false }), right.plain[i], about);
      assert.equal(tokenizer.encode(text), right.special[i], `with special tokens: ${about}`);
    });
    right.ids.forEach((ids, i) => {
      assert.is(tokenizer.decode(ids), right.decoded[i], `decoded: ${ids}`);
      const skipped = tokenizer.decode(ids, { skipSpecialTokens: true });
      assert.is(skipped, right.skipping[i], `decoded, specials skipped: ${ids}`);
    });
  });

  test(`${name}: a stream's pieces add up to the whole text`, () => {
    const tokenizer = loadTokenizer(join(fixtures, name));
    right.plain.forEach((ids) => {
      const stream = tokenizer.stream({ skipSpecialTokens: false });
      const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
      assert.is(pieces.join(''), tokenizer.decode(ids), `${ids}`);
    });
  });
}

test.run();
