import { test } from 'uvu';
import { testVocabularies } from './vocabularies';

testVocabularies('gemma2', 'gpt2', 'mistral', 'phi3');
test.run();
