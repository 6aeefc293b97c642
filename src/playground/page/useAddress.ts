/** The page's state and its address, kept alike. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type PageState, readFragment, writeFragment } from './url';

export interface Address {
  state: PageState;
  change(change: (state: PageState) => PageState): void;
  /** What could not be read from the address. */
  problems: string[];
  /** Names of the made vectors that the address has no room for. */
  left: string[];
  /** A step of the browser's history: what is changed after it can be taken back to here. */
  mark(): void;
  /** Goes up when a state comes from the address: at first, by a link, by the browser's back. */
  arrivals: number;
  /** Whether the page was opened with a state in its address. */
  given: boolean;
}

const read = () => ({ ...readFragment(location.hash), given: location.hash.length > 1 });

/**
 * Changes replace the current entry of the browser's history, until a run marks it: the next change
 * after that begins a new one, so that back leads from run to run.
 */
export function useAddress(): Address {
  const [all, setAll] = useState(() => ({ ...read(), arrivals: 1 }));
  const { state, problems, arrivals, given } = all;
  const marked = useRef(false);
  const written = useRef('');
  const { fragment, left } = writeFragment(state);
  const hash = `#${fragment}`;

  useEffect(() => {
    const arrive = () => {
      if (location.hash !== written.current)
        setAll(({ arrivals }) => ({ ...read(), arrivals: arrivals + 1 }));
    };
    window.addEventListener('popstate', arrive);
    return () => window.removeEventListener('popstate', arrive);
  }, []);

  useEffect(() => {
    // Written as this page writes it: no step of the history.
    written.current = hash;
    history.replaceState(null, '', hash);
    marked.current = true;
  }, [arrivals]);

  const write = useRef(() => {});
  write.current = () => {
    if (hash === written.current) return;
    written.current = hash;
    if (marked.current) history.pushState(null, '', hash);
    else history.replaceState(null, '', hash);
    marked.current = false;
  };
  useEffect(() => {
    // Later, as typing would ask for more changes a second than browsers allow.
    const timer = setTimeout(() => write.current(), 150);
    return () => clearTimeout(timer);
  }, [hash]);

  return {
    ...{ state, problems, arrivals, given, left: left.map(({ name }) => name) },
    change: (change) => setAll((all) => ({ ...all, state: change(all.state) })),
    mark: () => {
      write.current();
      marked.current = true;
    },
  };
}
