/** Names of files as texts, for where there is no file system. */

const nameOf = (file: string) => /[^/\\]*$/.exec(file)![0];

/** `.npz` of `a/b.npz`; '' where it has none, as `a/.npz`. */
export const endingOf = (file: string): string => /.(\.[^.]*)$/.exec(nameOf(file))?.[1] ?? '';

/** `b` of `a/b.npz`. */
export function stemOf(file: string): string {
  const name = nameOf(file);
  return name.slice(0, name.length - endingOf(file).length);
}
