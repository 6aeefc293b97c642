/** The small files of a checkpoint, wherever it lies: in a folder, or behind a URL. */
export interface TextFiles {
  /** What to call where they lie, in messages. */
  place: string;
  /** What to call a file of that name, in messages. */
  pathOf(name: string): string;
  /** The text of a file; undefined where there is none of that name. */
  read(name: string): string | undefined;
}
