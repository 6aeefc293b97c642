import type { ModelFiles } from '../../../src/hub/fingerprint';
import { checkVectorsFit, type FitOptions } from '../../../src/vectors/fit';
import type { VectorFile } from '../../../src/vectors/vectorFile';

/** `checkVectorsFit` for a model that is not open: by its config.json. @throws as that does */
export function checkFits(vectors: VectorFile, files: ModelFiles, options: FitOptions): void {
  // Loaded here, not above: --help needs none of it.
  const { readDims } = require('../../../models') as typeof import('../../../models');
  const { ModelConfig } =
    require('../../../src/checkpoint/configJson') as typeof import('../../../src/checkpoint/configJson');
  const modelType = String(ModelConfig.open(files.dir).values.model_type);
  checkVectorsFit(
    vectors,
    { ...files, model: { config: readDims(files.dir), modelType } },
    options,
  );
}
