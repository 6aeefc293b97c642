/** Files that can't be read at once: the same bytes, tensors and tokens as from a folder. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../models';
import { useBackend } from '../../../src/backend';
import { tensorsIn } from '../../../src/backend/replay';
import { generate } from '../../../src/engine/generate';
import { fingerprintModel } from '../../../src/hub/fingerprint';
import { loadTokenizer } from '../../../src/text/loadTokenizer';
import { InputError } from '../../../src/util/errors';
import { blobSource } from '../../../src/web/files/byteSource';
import { pickedFolder, type SourceFolder, urlFolder } from '../../../src/web/files/sourceFolder';
import { urlSource } from '../../../src/web/files/urlSource';
import { openModel, type Progress } from '../../../src/web/openModel';
import { Safetensors, type TensorData, writeSafetensors } from '../../../weights/safetensors';
import { serveFolder } from '../../browser/staticServer';

const whole = path.join(__dirname, '../../../weights/tiny-gemma2');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'tiller-web-'));
const sharded = path.join(scratch, 'sharded');
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const index = path.join(sharded, 'model.safetensors.index.json');

/** The tensors of tiny-gemma2 in two shards. */
function writeShards() {
  fs.cpSync(whole, sharded, { recursive: true });
  fs.rmSync(path.join(sharded, 'model.safetensors'));
  const source = Safetensors.open(path.join(whole, 'model.safetensors'));
  const parts: Record<string, TensorData>[] = [{}, {}];
  const map: Record<string, string> = {};
  for (const [i, { name, dtype, shape }] of [...source.tensors.values()].entries()) {
    parts[i % 2][name] = { dtype, shape, data: source.readBytes(name) };
    map[name] = SHARDS[i % 2];
  }
  source.close();
  SHARDS.forEach((name, i) => {
    writeSafetensors(path.join(sharded, name), parts[i], { format: 'pt' });
  });
  fs.writeFileSync(index, JSON.stringify({ weight_map: map }));
}
writeShards();

/** The files of a folder as a browser's picker gives them. */
async function picked(dir: string, inside = path.basename(dir)) {
  const names = fs.readdirSync(dir);
  return Promise.all(
    names.map(async (name) => {
      const blob = await fs.openAsBlob(path.join(dir, name));
      return Object.assign(blob, { name, webkitRelativePath: `${inside}/${name}` });
    }),
  );
}

async function open(folder: SourceFolder, progress: Progress[] = []) {
  return openModel(folder, await useBackend('wasm'), (one) => progress.push(one));
}

test('a file is the same by its blob, by Range requests and from a server without them', async () => {
  const server = await serveFolder(whole);
  const plain = await serveFolder(whole, { 'Content-Range': '' });
  const file = path.join(whole, 'model.safetensors');
  const bytes = fs.readFileSync(file);
  try {
    const url = await urlSource('it', `${server.url}/model.safetensors`);
    for (const source of [blobSource('it', await fs.openAsBlob(file)), url!]) {
      assert.is(source.size, bytes.length);
      for (const [at, length] of [
        ...[
          [0, 8],
          [8, 70_000],
          [100_000, 5],
          [bytes.length - 3, 10],
        ],
      ]) {
        const part = await source.read(at, length);
        assert.ok(bytes.subarray(at, at + length).equals(part), `${at} ${length}`);
      }
    }
    assert.is(await urlSource('gone', `${server.url}/gone.json`), undefined);
    const failure = await urlSource('it', `${plain.url}/model.safetensors`).catch((e) => e);
    assert.instance(failure, InputError);
    assert.match(failure.message, /does not say how large/);
  } finally {
    await server.close();
    await plain.close();
  }
});

test('a model opened by pieces holds the numbers of one opened from its folder', async () => {
  await useBackend('wasm');
  const server = await serveFolder(scratch);
  const own = loadModel(sharded);
  const prompt = loadTokenizer(whole).encodePrompt('Name two rivers.');
  const options = { maxNewTokens: 12 };
  const [wanted] = await generate(own, [prompt], options);
  try {
    for (const folder of [
      urlFolder(`${server.url}/sharded/`),
      pickedFolder(await picked(sharded, 'models/sharded')),
    ]) {
      const progress: Progress[] = [];
      const lm = await open(folder, progress);
      assert.is(lm.name, 'sharded');
      assert.is(lm.fingerprint, fingerprintModel(sharded));
      const [theirs, ours] = [tensorsIn(lm.model.weights), tensorsIn(own.weights)];
      assert.is(theirs.length, ours.length);
      for (const [i, tensor] of ours.entries()) {
        const [one, other] = await Promise.all([theirs[i].data(), tensor.data()]);
        // A list of what differs would take minutes.
        assert.ok(one.length === other.length && one.every((x, at) => x === other[at]), `${i}`);
      }
      const [written] = await generate(lm.model, [lm.encode('Name two rivers.')], options);
      assert.equal(written, wanted);
      const { loaded, total } = progress.at(-1)!;
      assert.is(loaded, total);
      lm.dispose();
    }
  } finally {
    own.dispose();
    await server.close();
  }
  assert.is(tf.memory().numTensors, 0);
});

test('what is wrong with a model is said as for a folder', async () => {
  const why = async (dir: string) => {
    const failed = await open(pickedFolder(await picked(dir))).catch((error) => error);
    assert.instance(failed, InputError);
    return failed.message;
  };
  await useBackend('wasm');
  const broken = path.join(scratch, 'broken');
  const changed = (change: () => void) => {
    fs.rmSync(broken, { recursive: true, force: true });
    fs.cpSync(sharded, broken, { recursive: true });
    change();
    let message = '';
    try {
      loadModel(broken);
    } catch (error) {
      message = (error as Error).message.replaceAll(broken, 'broken');
    }
    assert.ok(message);
    return message;
  };
  const rewrite = (name: string, change: (values: Record<string, never>) => object) => {
    const file = path.join(broken, name);
    fs.writeFileSync(file, JSON.stringify(change(JSON.parse(fs.readFileSync(file, 'utf8')))));
  };
  for (const change of [
    () => fs.rmSync(path.join(broken, SHARDS[1])),
    () => fs.rmSync(path.join(broken, path.basename(index))),
    () => fs.truncateSync(path.join(broken, SHARDS[0]), 5000),
    () => rewrite('config.json', (c) => ({ ...c, intermediate_size: 7, num_hidden_layers: 5 })),
    () => rewrite('config.json', (c) => ({ ...c, model_type: 'gemma' })),
  ]) {
    const message = changed(change);
    assert.is(await why(broken), message);
  }
  assert.throws(() => pickedFolder([]), /no config\.json among these files/);
});

test.after(() => fs.rmSync(scratch, { recursive: true }));

test.run();
