/** Which files of a model folder may be read: what is fetched, and what a model's mark is made of. */

/** Config and tokenizer: all that is read of a model besides its weights. */
export const SMALL_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
];

export const SINGLE_WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';

/** Whether a file of that name may be read when its folder is loaded. */
export const isModelFile = (name: string): boolean =>
  SMALL_FILES.includes(name) || name === WEIGHTS_INDEX || name.endsWith('.safetensors');
