import type { ModelFiles } from '../../../src/hub/fingerprint';
import { checkVectorsFit, type FitOptions } from '../../../src/vectors/fit';
import type { VectorFile } from '../../../src/vectors/vectorFile';

/** `checkVectorsFit` for a model that is not open: by its config.json. @throws as that does */
export function checkFits(vectors: VectorFile, files: ModelFiles, options: FitOptions): void {
  // Loaded here, not above: --help needs none of it.
  const { describeModel } = require('../../../models') as typeof import('../../../models');
  checkVectorsFit(vectors, { ...files, model: describeModel(files.dir) }, options);
}
