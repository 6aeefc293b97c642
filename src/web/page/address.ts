/** Addresses of models, as people give them and as the page remembers them. */

/**
 * The base URL of a checkpoint, with a slash at its end. A page of the Hub stands for the files of its
 * main branch; a file, for the folder that it lies in.
 * @param given `https://huggingface.co/org/name`, `models/mine` or the like
 * @param here the page's own address
 * @throws Error with what to write, for what is no address
 */
export function baseOf(given: string, here: string): string {
  const text = given.trim();
  let url: URL | undefined;
  try {
    url = new URL(text, here);
  } catch {
    // said below
  }
  if (!text || !url || !/^https?:$/.test(url.protocol)) {
    throw new Error(
      `"${given}" is no address: write that of the folder with config.json, such as https://huggingface.co/org/name.`,
    );
  }
  url.search = '';
  url.hash = '';
  const [, repository, revision] =
    /^(\/[^/]+\/[^/]+)(?:\/(?:tree|blob)\/([^/]+).*)?\/?$/.exec(url.pathname) ?? [];
  if (url.hostname === 'huggingface.co' && repository) {
    url.pathname = `${repository}/resolve/${revision ?? 'main'}/`;
  }
  if (/\.(json|safetensors)$/.test(url.pathname)) url.pathname = url.pathname.replace(/[^/]*$/, '');
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url.href;
}

/**
 * The page's address with a model of a URL. Two documents stand for the two promises: index.html may
 * ask its own origin alone, by its Content-Security-Policy; from-url.html may ask others too.
 * @param base see `baseOf`
 */
export function addressWith(base: string, here: string): string {
  const { origin } = new URL(here);
  const page = new URL(base).origin === origin ? 'index.html' : 'from-url.html';
  return at(page, here, { model: base });
}

/** The page's address with its own model. */
export const addressOfOwn = (here: string): string => at('index.html', here, { model: '' });

/** The page's address with a backend by name; '' leaves the choice to the page. */
export const withBackend = (backend: string, here: string): string => at('', here, { backend });

/** Another page beside this one (or '', this one), some words of its address changed. */
function at(page: string, here: string, words: Record<string, string>): string {
  const { search, hash } = new URL(here);
  const url = new URL(page || here, here);
  const all = new URLSearchParams(search);
  for (const [key, value] of Object.entries(words)) {
    if (value) all.set(key, value);
    else all.delete(key);
  }
  url.search = all.toString();
  url.hash = hash;
  return url.href;
}
