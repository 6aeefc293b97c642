/**
 * Short names of models → their ids on the Hugging Face Hub. The first names of each family are
 * those of the paper's scripts (`mistral-7b-instruct` is v0.1 there).
 */
export const MODEL_ALIASES: Record<string, string> = {
  'phi-3': 'microsoft/Phi-3-mini-4k-instruct',
  'phi-3-mini': 'microsoft/Phi-3-mini-4k-instruct',
  'phi-3.5': 'microsoft/Phi-3.5-mini-instruct',
  'phi-3.5-mini': 'microsoft/Phi-3.5-mini-instruct',
  'gemma-2-2b': 'google/gemma-2-2b',
  'gemma-2-2b-it': 'google/gemma-2-2b-it',
  'gemma-2-9b': 'google/gemma-2-9b',
  'gemma-2-9b-it': 'google/gemma-2-9b-it',
  'mistral-7b-instruct': 'mistralai/Mistral-7B-Instruct-v0.1',
  mistral: 'mistralai/Mistral-7B-Instruct-v0.1',
  'mistral-v0.1': 'mistralai/Mistral-7B-Instruct-v0.1',
  'mistral-v0.2': 'mistralai/Mistral-7B-Instruct-v0.2',
  'mistral-v0.3': 'mistralai/Mistral-7B-Instruct-v0.3',
  gpt2: 'openai-community/gpt2',
  'gpt2-medium': 'openai-community/gpt2-medium',
  'gpt2-large': 'openai-community/gpt2-large',
  'gpt2-xl': 'openai-community/gpt2-xl',
};
