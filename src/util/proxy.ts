import type { Dispatcher, fetch } from 'undici';
import { InputError } from './errors';

/**
 * The proxy that the environment names for an address, as curl and Python's httpx read it:
 * HTTPS_PROXY or HTTP_PROXY by its scheme, else ALL_PROXY; none for the hosts in NO_PROXY. Names in
 * small letters come first.
 * @throws InputError for a proxy of another kind than http and https
 */
export function proxyFor(address: URL): URL | undefined {
  const read = (name: string) => process.env[name] || process.env[name.toUpperCase()];
  const name = `${address.protocol.slice(0, -1)}_proxy`;
  const given = read(name) ?? read('all_proxy');
  if (!given || isExempt(address, read('no_proxy') ?? '')) return undefined;
  const full = given.includes('://') ? given : `http://${given}`;
  if (URL.canParse(full) && /^https?:/.test(full)) return new URL(full);
  // Not the whole of it: there may be a password in it.
  throw new InputError(
    `${name.toUpperCase()} (or ALL_PROXY) is not the address of an http or https proxy, such as http://proxy.example:3128.`,
  );
}

/** `example.org, .example.org, *.example.org, localhost:8080`: hosts, with all below them; `*`: all. */
function isExempt({ protocol, hostname, port }: URL, list: string): boolean {
  const ours = port || (protocol === 'https:' ? '443' : '80');
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    // What does not match is an address with colons (IPv6), or nothing.
    const parts = /^\*?\.?(\[.+\]|[^:]+)(?::(\d+))?$/.exec(entry.toLowerCase());
    const [name, itsPort] = parts?.slice(1) ?? [entry];
    if (!name || (itsPort && itsPort !== ours)) return false;
    const host = hostname.replace(/^\[|\]$/g, '');
    return host === name.replace(/^\[|\]$/g, '') || host.endsWith(`.${name}`);
  });
}

/**
 * A `fetch` that goes by way of proxies. (That of Node 20 knows none.) Which, is read when a host is
 * first connected to.
 */
export function proxiedFetch(): { fetch: typeof fetch; dispatcher: Dispatcher } {
  // Loaded here, not above: it takes a tenth of a second, and a model in the cache needs none of it.
  const undici = require('undici') as typeof import('undici');
  const dispatcher = new undici.Agent({
    factory(origin, options) {
      const proxy = proxyFor(new URL(origin));
      // Plain http is asked of a proxy as such: many forbid tunnels to other ports than 443.
      return proxy
        ? new undici.ProxyAgent({ uri: proxy.href, proxyTunnel: false })
        : new undici.Pool(origin, options);
    },
  });
  return { fetch: undici.fetch, dispatcher };
}
