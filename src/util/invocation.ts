/** What a reader types to start our programs, for messages and --help. */

/** Compiled, as in an installed package; in a clone ts-node runs the sources. */
export const isCompiled = __filename.endsWith('.js');

/** The command line; a command's name and words follow. */
export const TILLER = isCompiled ? 'npx tiller' : 'npx ts-node src/cli.ts';

/** What runs a script that only a clone has, as those of experiments/; it and its words follow. */
export const IN_CLONE = 'npx ts-node';

/** What fetches a model; its name follows. */
export const DOWNLOAD = isCompiled ? 'npx tiller download' : 'npx ts-node weights/download.ts';

/** What installs our packages again. */
export const INSTALL = isCompiled ? 'npm install' : 'npm ci';

/** What puts libtensorflow under tfjs-node. */
export const SETUP = isCompiled ? 'npx tiller setup-tensorflow' : 'npm run setup:tensorflow';

/** The same with an option: `setupWith('--cuda')`. */
export const setupWith = (option: string) => `${SETUP}${isCompiled ? ' ' : ' -- '}${option}`;
