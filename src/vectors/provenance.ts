/** Where vectors come from. Values are plain text; docs/vectors.md lists the keys. */
export type Provenance = Record<string, string>;

/** What is said about a vector of a file: what holds for all of them, and what for it alone. */
interface Said {
  provenance: Provenance;
  origins?: Record<string, Provenance>;
}

/** All that a file says about where one of its vectors comes from. */
export function originOf({ provenance, origins = {} }: Said, name: string): Provenance {
  return { ...provenance, ...(Object.hasOwn(origins, name) && origins[name]) };
}

/** How the pairs were made a vector: `method`; undefined in files from before there were several. */
export const methodOf = (said: Said, name: string): string | undefined =>
  originOf(said, name).method;
