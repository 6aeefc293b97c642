import type { ModelFiles } from '../../../src/hub/fingerprint';
import { checkVectorsFit, type FitOptions } from '../../../src/vectors/fit';
import type { VectorFile } from '../../../src/vectors/vectorFile';

/** `checkVectorsFit` for a model that is not open: by its config.json. @throws as that does */
export function checkFits(vectors: VectorFile, files: ModelFiles, options: FitOptions): void {
  // Loaded here, not above: --help needs none of it.
  const { readDims } = require('../../../models') as typeof import('../../../models');
  const { openConfig } =
    require('../../../src/checkpoint/folder') as typeof import('../../../src/checkpoint/folder');
  const modelType = String(openConfig(files.dir).values.model_type);
  checkVectorsFit(
    vectors,
    { ...files, model: { config: readDims(files.dir), modelType } },
    options,
  );
}
