/**
 * Fetches a model into the Hugging Face cache, or the prompts and wordings of the paper into data/:
 *
 *     npx ts-node weights/download.ts gemma-2-2b-it
 *     npx ts-node weights/download.ts microsoft/Phi-3.5-mini-instruct --revision main
 *     npx ts-node weights/download.ts data
 *
 * A download that was broken off goes on where it stopped. The last line of the output is the
 * folder. Exit codes: 0 all is there, 1 the network or a checksum failed, 2 the input is unusable
 * (no such model, no access).
 */
import * as path from 'node:path';
import { MODEL_ALIASES } from '../src/hub/aliases';
import { hubCacheFolder } from '../src/hub/environment';
import { type HubModel, localModelFolder, parseHubModel } from '../src/hub/modelFolder';
import { didYouMean, InputError } from '../src/util/errors';
import { DOWNLOAD, isCompiled } from '../src/util/invocation';
import { EXIT_CODES, explainFailure, watchOutput } from '../src/util/program';
import { say } from '../src/util/retries';
import { projectRoot } from '../src/util/version';
import { readWords } from '../src/util/words';
import { downloadData } from './download/data';
import { NETWORK, type Network } from './download/http';
import { downloadModel } from './download/model';

function helpText(): string {
  const width = Math.max(...Object.keys(MODEL_ALIASES).map((alias) => alias.length));
  const aliases = Object.entries(MODEL_ALIASES).map(
    ([alias, id]) => `  ${alias.padEnd(width)}   ${id}`,
  );
  return `Fetches a model from the Hugging Face Hub, or the prompts and wordings of the paper.

Usage:
  ${DOWNLOAD} <model> [--revision <branch, tag or commit>] [--update]
  ${DOWNLOAD} data [--update]

A model is an id on the Hub (google/gemma-2-2b) or one of
${aliases.join('\n')}

It goes into the cache that all Hugging Face tools share, here ${hubCacheFolder()};
a model that is there already is used as it is. Broken off, it goes on where it stopped.
"data" fetches the IFEval prompts and the paper's prompt files into data/, and reads the wordings of
its instructions out of the authors' scripts, into data/length and data/keywords. The experiments take
the folder as it is: data_path=data.

  --revision <name>   a branch, tag or commit (default: main)
  --update            ask again for what is here: a branch may have moved, a file been added

Environment, as all Hugging Face tools read it:
  HF_TOKEN               access token, for gated models (Gemma, Llama, Mistral)
  HF_HOME, HF_HUB_CACHE  where the cache is
  HF_ENDPOINT            a mirror of the Hub
  HF_HUB_OFFLINE=1       never ask the Hub
  HTTPS_PROXY, NO_PROXY  a proxy, and the hosts that it is not for; also HTTP_PROXY, ALL_PROXY
  TILLER_DATA_URL        a mirror of raw.githubusercontent.com, for "data"

Exit codes:
${EXIT_CODES.replace('a check failed', 'the network or a checksum failed')}
`;
}

function readArguments(words: string[]) {
  const { options, positionals } = readWords(DOWNLOAD, words, {
    values: ['revision'],
    flags: ['update', 'help'],
    short: { help: 'h' },
  });
  const { revision, update, help } = options;
  if (!help && positionals.length !== 1) {
    throw new InputError(`Give one model, or the word data. See ${DOWNLOAD} --help`);
  }
  return {
    model: positionals[0],
    revision: revision === true ? undefined : revision,
    update: Boolean(update),
    help: Boolean(help),
  };
}

function hubModel(model: string, revision: string | undefined): HubModel {
  if (revision !== undefined && model.includes('@')) {
    throw new InputError('Give the revision once: after @, or with --revision.');
  }
  const found = parseHubModel(revision === undefined ? model : `${model}@${revision}`);
  if (found) return found;
  throw new InputError(
    `"${model}" is neither an id on the Hub (google/gemma-2-2b) nor an alias.${didYouMean(model, ['data', ...Object.keys(MODEL_ALIASES)])} See ${DOWNLOAD} --help`,
  );
}

/**
 * Runs the command.
 * @param words as typed after the script's name
 * @returns the exit code
 */
export async function run(words: string[], network: Network = NETWORK): Promise<number> {
  try {
    const { model, revision, update, help } = readArguments(words);
    if (help) {
      process.stdout.write(helpText());
    } else if (model === 'data') {
      // The experiments of the clone look for it there; an installed package holds nobody's data.
      const folder = path.join(isCompiled ? process.cwd() : projectRoot, 'data');
      await downloadData(folder, network, { update });
      console.log(folder);
    } else if (localModelFolder(model)) {
      say(network, `${model} is a folder here, and used as it is.`);
      console.log(localModelFolder(model));
    } else {
      console.log(await downloadModel(hubModel(model, revision), network, { update }));
    }
    return 0;
  } catch (error) {
    const { message, code } = explainFailure(error);
    network.out.write(`${message.replace(/\s*\n\s*/g, ' ')}\n`);
    return code;
  }
}

if (require.main === module) {
  watchOutput();
  run(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
