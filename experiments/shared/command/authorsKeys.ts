import type { Hints } from '../../../src/runs/config';

/**
 * Config keys of the authors' scripts that are called otherwise here, or not needed, and what to write
 * in their place. `docs/paper.md` shows the same table.
 */
export const AUTHORS_KEYS: Record<string, string> = {
  // Models and machines.
  transformers_cache_dir: 'the environment variable HF_HOME or HF_HUB_CACHE',
  path_to_hf_token: 'the environment variable HF_TOKEN, or the token of hf auth login',
  hf_model: 'not needed: one engine answers all cells, steered or not',
  project_dir: "not needed: paths are taken from where you are, else from the project's folder",

  // Data.
  base_queries_path: 'data_path, a folder that holds the queries too',
  data_no_instr_path: 'not needed: rows of data_path have prompt_without_instruction',
  use_data_subset: 'subset_ratio: 1 for all rows, less for a share of them',
  data_subset_ratio: 'subset_ratio',
  nonparametric_only: 'not needed: give rows of those instructions as data_path',
  specific_instruction: 'not needed here: give rows of that instruction as data_path',
  word_list: 'words_path, a file with a word a line; or word_set',
  specific_constraint: 'word_set for vectors, specific_instruction for the evaluation',
  constraint: 'specific_instruction=existence_validation or forbidden_validation',
  constraint_type: 'keyword_type, include or exclude, for vectors of words',

  // Vectors.
  cross_model_steering: 'vectors_model=<the model whose vectors steer>',
  representations_folder: 'vectors are found by what they were made from; vectors_file chooses',
  representations_folder_instr: 'vectors_file, or ivs_name for vectors with their layers',
  length_representations_folder: 'length_vectors_folder',
  length_rep_file: 'length_rep_type and length_rep_examples',
  length_constraint_rep_min: 'not needed: the first and the last level of length_rep_type',
  length_constraint_rep_max: 'not needed: the first and the last level of length_rep_type',
  max_new_tokens: 'not needed for vectors; generation_length for answers to look at',

  // Layers.
  use_perplexity:
    'perplexity_threshold: a number to leave out degenerate answers, null to keep them',
  preplexity_threshold: 'perplexity_threshold',
  specific_layer: 'fixed_layer',
  source_layer_idx: 'the layers that precompute_ivs stored; fixed_layer there for one layer',

  // Steering.
  steering_weight: 'steering_weights, a list',
  steering_weights: 'steering_weight, one number',
  apply_to_all_layers: 'not there: a list of layers is a run for each',
  include_instruction: 'include_instructions',
  include_length_instr: 'include_length_instructions',
  length_steering_weight: 'length_weight',
};

/** Values of theirs that mean nothing here. */
export const AUTHORS_VALUES: Record<string, string> = {
  'source_layer_idx=-1':
    'steering=none for no steering; for the layer that the search chose, leave the key out; for the ' +
    'last layer, its number',
};

const MINUS_ONE = 'source_layer_idx=-1';

/** For `loadConfig`. */
export const authorsHints: Hints = {
  unknown(key, value) {
    if (!Object.hasOwn(AUTHORS_KEYS, key)) return undefined;
    const more = this.refused(key, value);
    const said = `It is a key of the authors' scripts; here: ${AUTHORS_KEYS[key]}.`;
    return more ? `${said} ${more}` : said;
  },
  refused(key, value) {
    if (value !== -1 || !key.includes('layer')) return undefined;
    return (
      "In the authors' scripts, -1 is no steering, or the layer of the search, or the last layer. " +
      `Here: ${AUTHORS_VALUES[MINUS_ONE]}.`
    );
  },
};
