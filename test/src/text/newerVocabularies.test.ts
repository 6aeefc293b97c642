import { test } from 'uvu';
import { testVocabularies } from './vocabularies';

testVocabularies('gemma3', 'llama3', 'qwen2', 'qwen3');
test.run();
