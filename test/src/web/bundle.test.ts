/** What a browser would be given: no module of Node's in it, and not too much. */
import { builtinModules } from 'node:module';
import * as path from 'node:path';
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FOR_BROWSERS } from '../../../scripts/buildWeb';

const root = path.join(__dirname, '../../..');

test('all that the worker reaches is free of Node', async () => {
  const { metafile } = await build({
    ...{ ...FOR_BROWSERS, absWorkingDir: root, entryPoints: ['src/web/worker.ts'] },
    // As it is for Node, an import of its modules would be left in place.
    ...{ write: false, metafile: true, external: [...builtinModules, 'node:*'] },
  });
  const inputs = Object.entries(metafile.inputs);
  assert.ok(
    metafile.inputs['src/engine/generate.ts'] ?? metafile.inputs['src/engine/scheduler.ts'],
  );
  const found = inputs
    .filter(([file]) => !file.includes('node_modules'))
    .flatMap(([file, { imports }]) =>
      imports
        .filter(({ external, path }) => external && !path.startsWith('<define:'))
        .map((one) => `${file} imports ${one.path}`),
    );
  assert.equal(found, []);
  // A twin counts in place of its file for Node, never beside it.
  const twins = inputs.flatMap(([file]) => file.replace('.browser.ts', '.ts'));
  assert.is(new Set(twins).size, twins.length);
});

test.run();
