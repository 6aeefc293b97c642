import type { Hints } from '../../../src/runs/config';
import { didYouMean } from '../../../src/util/errors';

/**
 * Config keys of the authors' scripts that are called otherwise here, or not needed, and what to write
 * in their place. `docs/paper.md` shows the same table.
 */
export const AUTHORS_KEYS: Record<string, string> = {
  // Models and machines.
  transformers_cache_dir: 'the environment variable HF_HOME or HF_HUB_CACHE',
  path_to_hf_token: 'the environment variable HF_TOKEN, or the token that `hf auth login` stores',
  hf_model: 'not needed: one engine gives all answers, steered or not',
  project_dir: "not needed: paths count from where you are, else from the project's folder",

  // Data.
  base_queries_path: '`data_path`, a folder that holds the queries too',
  data_no_instr_path: 'not needed: rows have `prompt_without_instruction` beside `prompt`',
  use_data_subset: '`subset_ratio`: 1 for all rows',
  data_subset_ratio: '`subset_ratio`',
  nonparametric_only: 'not needed: `data_path` names the rows',
  specific_instruction: 'not needed but for words: `data_path` names the rows',
  specific_constraint: '`word_set` for vectors, `specific_instruction` for the evaluation',
  constraint: '`specific_instruction`: `existence_validation` or `forbidden_validation`',
  constraint_type: '`keyword_type` for vectors of words, `constraint_type` for length',
  word_list: '`words_path`, a file of words; or `word_set`',

  // Vectors.
  cross_model_steering: '`vectors_model`, the model whose vectors steer this one',
  representations_folder:
    'not needed: vectors are found by what they were made from; `vectors_file` or `ivs_name` chooses',
  representations_folder_instr: '`vectors_file` or `ivs_name`',
  length_representations_folder: '`length_vectors_folder`',
  length_rep_file: '`length_rep_type` and `length_rep_examples`',
  length_constraint_rep_min: 'not needed: conciseness is the first level',
  length_constraint_rep_max: 'not needed: verbosity is the last level',
  max_new_tokens: '`generation_length`, with `n_generations` for how many answers to look at',

  // Layers.
  use_perplexity: '`perplexity_threshold`: null takes no account of perplexity',
  preplexity_threshold: '`perplexity_threshold`',
  specific_layer: '`fixed_layer`',
  source_layer_idx:
    'not needed for formats: `precompute_ivs` knows one for each; one for all: `fixed_layer`, `format_layer`',

  // Steering.
  steering_weight: '`steering_weights`, a list; `format_weight` in composition',
  steering_weights: '`steering_weight`, one number; `format_weight` in composition',
  apply_to_all_layers: 'not there: of several layers, each is steered alone',
  include_instruction: '`include_instructions`',
  include_length_instr: '`include_length_instructions`',
  length_steering_weight: '`length_weight`',
};

const MINUS_ONE = 'source_layer_idx=-1';
/** Values of theirs that mean nothing here. */
export const AUTHORS_VALUES: Record<string, string> = {
  [MINUS_ONE]:
    '`steering=none` for no steering; nothing for the layer that the search chose; for the last layer, ' +
    'its number',
};

/** Without the marks that the page needs. */
const plain = (text: string) => text.replaceAll('`', '');

/** For `loadConfig`. */
export const authorsHints: Hints = {
  unknown(key, value) {
    if (!Object.hasOwn(AUTHORS_KEYS, key)) return undefined;
    const more = this.refused(key, value);
    const said = `It is a key of the authors' scripts; here: ${plain(AUTHORS_KEYS[key])}.`;
    return more ? `${said} ${more}` : said;
  },
  refused(key, value) {
    if (![value].flat().includes(-1) || !key.includes('layer')) return undefined;
    return (
      "In the authors' scripts, -1 is no steering, or the layer of the search, or the last layer. " +
      `Here: ${plain(AUTHORS_VALUES[MINUS_ONE])}.`
    );
  },
};

/**
 * What to say of a key of a run that no step has, such as `evaluate.hf_model`: what it is here, or
 * which of the known keys it may be.
 */
export function explainUnknown(key: string, value: unknown, known: Iterable<string>): string {
  const theirs = authorsHints.unknown(key.replace(/^.*\./, ''), value);
  return theirs === undefined ? didYouMean(key, known) : ` ${theirs}`;
}
