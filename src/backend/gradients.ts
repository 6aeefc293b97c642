/**
 * Gradients for tfjs-core. Its Node bundle leaves out the derivative of every op; they lie beside
 * it as ES module files that Node can't load as they are (imports without extension). The all-in-one
 * package `@tensorflow/tfjs` has them, at 150 MB and half a second of start. Here the files of
 * tfjs-core itself are read, and their imports are bound to the bundle already in memory, so that
 * there is one copy of everything (about 30 ms).
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';

/** Everything the gradient files import under a plain name. */
const names: Record<string, unknown> = {
  ...tf.util,
  ...tf.slice_util,
  ...tf.backend_util,
  ...tf,
  ENGINE: tf.engine(),
};

/** Modules that they import whole (`import * as x`). */
const modules: Record<string, unknown> = {
  '../util': tf.util,
  '../ops/axis_util': tf.backend_util,
  '../ops/broadcast_util': tf.backend_util,
  '../ops/conv_util': tf.backend_util,
};

/** The exports of one file of `dist/gradients`, or null when it needs something not in the bundle. */
function loadFile(file: string, loaded: Map<string, object>): object | null {
  const known = loaded.get(file);
  if (known) return known;
  const source = fs.readFileSync(file, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
  const scope: Record<string, unknown> = {};
  for (const [, what, from] of source.matchAll(/^import (.+?) from '(.+?)';$/gm)) {
    if (what.startsWith('* as ')) {
      if (!modules[from]) return null;
      scope[what.slice(5)] = modules[from];
      continue;
    }
    const sibling = from.startsWith('./')
      ? loadFile(path.join(path.dirname(file), `${from}.js`), loaded)
      : null;
    for (const item of what.replace(/[{}]/g, '').split(',')) {
      const [name, alias = name] = item.trim().split(' as ');
      scope[alias] = (sibling as Record<string, unknown>)?.[name] ?? names[name];
      if (scope[alias] === undefined) return null;
    }
  }
  const body = source.replace(/^import .*$/gm, '').replace(/^export (const|function) /gm, '$1 ');
  const exported = [...source.matchAll(/^export (?:const|function) (\w+)/gm)].map((m) => m[1]);
  const make = new Function(...Object.keys(scope), `${body}\nreturn { ${exported.join(', ')} };`);
  const result: object = make(...Object.values(scope));
  loaded.set(file, result);
  return result;
}

/**
 * Registers the gradients of tfjs-core's ops, those of convolution and pooling excepted, so that
 * `tf.grad` and optimizers work. Does nothing when they are there already (tfjs-node brings them).
 */
export function registerGradients(): void {
  if (tf.getGradient(tf.Sum)) return;
  const folder = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core')), 'gradients');
  const loaded = new Map<string, object>();
  for (const file of fs.readdirSync(folder)) {
    if (!file.endsWith('_grad.js')) continue;
    const exports = loadFile(path.join(folder, file), loaded) ?? {};
    for (const config of Object.values(exports)) {
      if (config?.kernelName && config.gradFunc) tf.registerGradient(config);
    }
  }
}
