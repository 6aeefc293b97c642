import { openModel } from '../../../models/open';
import { POSITIONS, type Positions } from '../../engine/steering';
import { findModelFolder } from '../../hub/modelFolder';
import type { LanguageModel } from '../../language/languageModel';
import { checkOneOf } from '../../util/check';
import { InputError } from '../../util/errors';
import { hashOf } from '../../util/hash';
import { toolVersion } from '../../util/version';
import { checkVectorsFit } from '../../vectors/resolveSteer';
import {
  type Candidate,
  candidatesOf,
  chooseSetting,
  type JudgedAnswer,
  type Score,
  scoreOf,
  type Tried,
  usualLayers,
} from '../../vectors/search';
import { findDirection, steer } from '../../vectors/steer';
import { loadVectors, saveVectors, type VectorFile } from '../../vectors/vectorFile';
import { isWeight, WEIGHT, type Weight } from '../../vectors/weight';
import {
  BACKEND_OPTION,
  type Command,
  count,
  DTYPE_OPTION,
  JSON_OPTION,
  number,
  type Options,
  required,
  text,
  weightDtype,
} from '../command';
import { promptStyle } from '../generate/settings';
import { checkWords, type EvalRow, readEval } from './evalRows';
import { readLayers } from './layers';
import { searchAnswers } from './searchAnswers';
import { chooseJudge, type Judge, judgeTexts } from './searchJudge';
import { type Found, foundJson, foundText } from './searchTable';

export const vectorSearchCommand: Command = {
  name: 'vector search <file>',
  description:
    'Find the layer and strength at which a vector works best, and write them into its file',
  usage: 'vector search <vectors> --model <model> --eval <rows.jsonl> [options]',
  options: [
    ['--model <model>', 'The model to steer: an alias, a Hub id or a folder'],
    ['--eval <file>', 'Prompts: a text a line, or {"prompt": ...} a line of a .jsonl'],
    ['--check <id...>', 'An instruction of IFEval to obey; with arguments, id:{"name": value}'],
    ['--regex <pattern...>', 'Answers must match; --regex-flags i ignores case'],
    ['--regex-flags <flags>', 'Flags of JavaScript for --regex'],
    ['--contains <text...>', 'Answers must contain this'],
    ['--not-contains <text...>', 'Answers must not contain this'],
    ['--name <name>', 'Which vector of the file (default: the one it holds)'],
    ['--layers <list>', 'Try these, such as 0-5,7 (default: all of up to 8, else every second)'],
    ['--weights <list>', 'Try these (default: 0.5x,1x,1.5x,2x)'],
    ['--positions <list>', 'Try these of all, prompt, last, generated (default: all,last)'],
    [
      '--max-perplexity-ratio <r>',
      'Median perplexity stays below r times unsteered (default: 1.5)',
    ],
    ['--judge <model>', 'Whose perplexity; self: the model itself (default: gpt2 where it is)'],
    [
      '--degenerate-below <p>',
      'Answers of a lower perplexity repeat themselves (default: 2.5 of gpt2)',
    ],
    ['--max-tokens <n>', 'Most new tokens of an answer (default: 128)'],
    ['--limit <n>', 'Ask the first n prompts only'],
    ['--style <style>', 'chat, raw or qa (default: chat with a chat template, else raw)'],
    ['--system <text>', 'A system prompt, where the model takes one'],
    ['--any-model', 'Take vectors of another model too, where width and layers fit'],
    JSON_OPTION,
    BACKEND_OPTION,
    DTYPE_OPTION,
  ],
  examples: [
    'tiller vector search lowercase.safetensors --model tiny-gemma2 --eval docs/examples/lowercase/eval.jsonl --check change_case:english_lowercase',
    'tiller vector search v.safetensors --model phi-3 --eval questions.txt --regex "^\\s*[-*]" --layers 10-20',
  ],
  run: runSearch,
};

async function runSearch([file]: string[], options: Options): Promise<number> {
  const model = required(options, 'model', 'the model to steer');
  const { name: modelName } = findModelFolder(model);
  const evalFile = required(options, 'eval', 'the prompts to try it with');
  if (/\.gguf$/i.test(file)) {
    throw new InputError(`${file} can't hold what is found: convert it to .safetensors first.`);
  }
  const vectors = loadVectors(file);
  const [name, { norm }] = nameAndVector(vectors, options);
  const wanted = {
    layers: readLayers(options),
    weights: readList(options, 'weights', ['0.5x', '1x', '1.5x', '2x']).map(readWeight),
    positions: readList(options, 'positions', ['all', 'last']).map(readPositions),
  };
  const isPositive = (x: number) => x > 0;
  const maxRatio = number(options, 'max-perplexity-ratio', 1.5, 'a number above 0', isPositive);
  const maxNewTokens = count(options, 'max-tokens', 128);
  const rows = readEval(evalFile, options).slice(0, count(options, 'limit', undefined));
  const judge = chooseJudge(options, modelName);
  const [backend, dtype] = [text(options, 'backend'), weightDtype(options)];
  const lm = await openModel(model, { backend, dtype, style: promptStyle(options) });
  try {
    checkVectorsFit(vectors, lm, { file, anyModel: Boolean(options['any-model']) });
    const layers = wanted.layers?.(lm.model.config.nLayers) ?? usualLayers(vectors.layers);
    const candidates = candidatesOf(layers, wanted.weights, wanted.positions);
    const record = `${file.replace(/\.\w+$/, '')}.search.jsonl`;
    const system = text(options, 'system');
    const work = { vectors, name, rows, candidates, judge, record, maxNewTokens, system };
    const scores = await tryAll(lm, work);
    const { tried, chosen } = chooseSetting(scores.steered, scores.unsteered, {
      maxRatio,
      normAt: (layer) => norm[vectors.layers.indexOf(layer)],
    });
    if (chosen) {
      const about = {
        ...checkWords(options),
        ...{ eval: hashOf(rows.map(({ prompt }) => prompt)), rows: rows.length },
        ...{ judge: judge.name, max_perplexity_ratio: maxRatio, max_tokens: maxNewTokens },
        unsteered: scores.unsteered,
        tool: toolVersion,
      };
      writeChoice(file, vectors, name, { chosen, tried, about });
    }
    const found = { file, name, model: lm.name, rows: rows.length, judge, maxRatio, record };
    const all: Found = { ...found, tried, chosen, unsteered: scores.unsteered };
    console.log(options.json ? JSON.stringify(foundJson(all)) : foundText(all));
    return chosen ? 0 : 1;
  } finally {
    lm.dispose();
  }
}

/** @throws InputError for a vector that is not there, or none where there are several */
function nameAndVector({ directions }: VectorFile, options: Options) {
  const given = text(options, 'name');
  const direction = findDirection(directions, given);
  return [given ?? [...directions.keys()][0], direction] as const;
}

function readList(options: Options, name: string, usual: string[]): string[] {
  const parts =
    text(options, name)
      ?.split(',')
      .map((part) => part.trim()) ?? usual;
  if (new Set(parts).size === parts.length) return parts;
  throw new InputError(`--${name} is "${options[name]}": something is there twice.`);
}

function readWeight(given: string): Weight {
  const value = given === '' || given.endsWith('x') ? given : Number(given);
  if (isWeight(value) && Number.parseFloat(String(value)) !== 0) return value;
  throw new InputError(`--weights has "${given}": a weight is ${WEIGHT}, and not 0.`);
}

function readPositions(given: string): Positions {
  checkOneOf('--positions', given, POSITIONS);
  return given as Positions;
}

interface Work {
  vectors: VectorFile;
  name: string;
  rows: EvalRow[];
  candidates: Candidate[];
  judge: Judge;
  record: string;
  maxNewTokens: number;
  system: string | undefined;
}

/** Answers every prompt unsteered and with every candidate, and scores them. */
async function tryAll(
  lm: LanguageModel,
  { vectors, name, rows, candidates, judge, record, maxNewTokens, system }: Work,
): Promise<{ unsteered: Score; steered: { candidate: Candidate; score: Score }[] }> {
  const ways = [undefined, ...candidates].map((candidate) => ({
    candidate,
    edits: candidate ? [steer(vectors, { name, ...candidate })] : [],
  }));
  const prompts = rows.map(({ prompt, system: own = system }) => ({
    prompt,
    ids: lm.encode(prompt, { system: own }),
  }));
  const asked = ways.flatMap(({ candidate, edits }) =>
    prompts.map(({ prompt, ids }) => ({ ids, edits, about: { name, ...candidate, prompt } })),
  );
  const answers = await searchAnswers(lm, asked, { record, maxNewTokens });
  const texts = answers.map((answer) => answer.text);
  const perplexities = await judgeTexts(lm, judge, texts);
  const scores = ways.map((_, way) => {
    const judged = rows.map(({ check }, row): JudgedAnswer => {
      const at = way * rows.length + row;
      return { text: texts[at], obeyed: check(texts[at]), perplexity: perplexities[at] };
    });
    return scoreOf(judged, judge.degenerateBelow);
  });
  const [unsteered, ...steered] = scores;
  return {
    unsteered,
    steered: steered.map((score, i) => ({ candidate: candidates[i], score })),
  };
}

/** Puts the choice and all that was tried into the file, which is replaced whole. */
function writeChoice(
  file: string,
  vectors: VectorFile,
  name: string,
  { chosen, tried, about }: { chosen: Tried; tried: Tried[]; about: object },
): void {
  const curve = tried.map(({ candidate, obeyed, perplexity }) => {
    return { ...candidate, obeyed, perplexity };
  });
  saveVectors(file, {
    ...vectors,
    provenance: { ...vectors.provenance, [`search.${name}`]: JSON.stringify(about) },
    settings: { ...vectors.settings, [name]: chosen.candidate },
    curves: { ...vectors.curves, [name]: curve },
  });
}
