import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readText, systemReason, writeAtomic } from '../../../src/util/files';
import { explainFailure } from '../../../src/util/program';

const temp = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-files-'));
test.after(() => fs.rmSync(temp, { recursive: true }));

/** A file of these bytes. */
function file(name: string, bytes: Buffer | string) {
  fs.writeFileSync(path.join(temp, name), bytes);
  return path.join(temp, name);
}

function refused(given: string, message: RegExp) {
  assert.throws(
    () => readText(given),
    (error: Error) => {
      return error.name === 'InputError' && message.test(error.message);
    },
  );
}

test('text is read without its byte order mark; other bytes are refused, not replaced', () => {
  assert.is(readText(file('a', 'Grüße\n')), 'Grüße\n');
  assert.is(readText(file('b', '\ufeffGrüße')), 'Grüße');
  assert.is(readText(file('c', '')), '');
  // "é" in Latin-1, and UTF-16, whose letters would turn into others without a word.
  refused(file('d', Buffer.from([0x63, 0xe9])), /^Can't read .*d: it is not text in UTF-8\.$/);
  refused(file('e', Buffer.from('\ufefftext', 'utf16le')), /not text in UTF-8/);
});

test('files that cannot be read: which, and why', () => {
  refused(path.join(temp, 'gone'), /^Can't read .*gone: there is no such file or folder\.$/);
  refused(temp, /^Can't read .*: it is a folder, not a file\.$/);
  refused(path.join(temp, 'a', 'b'), /part of the path is a file/);
  refused(path.join(temp, 'n'.repeat(300)), /the name is too long/);
});

test('a file is replaced whole, or not at all', () => {
  const target = file('target', 'old');
  writeAtomic(target, 'new');
  assert.is(fs.readFileSync(target, 'utf8'), 'new');
  const folder = path.join(temp, 'folder');
  fs.mkdirSync(folder);
  const before = fs.readdirSync(temp);
  assert.throws(() => writeAtomic(folder, 'x'), /EISDIR|ENOTEMPTY|EEXIST/);
  assert.throws(() => writeAtomic(path.join(temp, 'n'.repeat(300)), 'x'), /ENAMETOOLONG/);
  assert.equal(fs.readdirSync(temp), before, 'no draft is left');
});

test('errors of the system become a sentence and exit code 2, defects keep their message and 1', () => {
  const system = (code: string, where?: string) =>
    Object.assign(new Error(`${code}: some words, open`), { code, path: where });
  assert.equal(explainFailure(system('EROFS', '/x')), {
    message: '/x: it is on a read-only disk.',
    code: 2,
  });
  assert.is(explainFailure(system('ENOSPC')).code, 2);
  assert.match(explainFailure(system('ENOSPC')).message, /the disk is full/);
  assert.equal(explainFailure(new TypeError('x is undefined')), {
    message: 'x is undefined',
    code: 1,
  });
  for (const other of [null, undefined, 'text', { code: 'constructor' }]) {
    assert.is(systemReason(other), undefined);
    assert.is(explainFailure(other).code, 1);
  }
});

test.run();
