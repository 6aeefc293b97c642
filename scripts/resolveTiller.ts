// Loaded by ts-node before anything else (tsconfig.json): in a clone, 'tiller' is src/index.ts, so
// that a script reads the same here and where the package is installed.
import Module from 'node:module';
import * as path from 'node:path';

type Resolve = (request: string, ...rest: unknown[]) => string;
const loader = Module as unknown as { _resolveFilename: Resolve };
const resolve = loader._resolveFilename;
const sources: Record<string, string> = {
  tiller: path.join(__dirname, '../src/index.ts'),
  'tiller/ifeval': path.join(__dirname, '../ifeval/index.ts'),
};
loader._resolveFilename = function (request, ...rest) {
  return resolve.call(this, sources[request] ?? request, ...rest);
};
