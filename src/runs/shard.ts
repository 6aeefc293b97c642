/** A part of a run's rows, worked on by a process of its own. */
import * as fs from 'node:fs';
import { InputError } from '../util/errors';

/** The `index`-th of `count` parts, from 1. */
export interface Shard {
  index: number;
  count: number;
}

/** @param text `2/4` @throws InputError for anything else */
export function readShard(text: string): Shard {
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index >= 1 && index <= count) return { index, count };
  throw new InputError(`--shard is "${text}", not a part such as 2/4: the second of four.`);
}

export const shardText = ({ index, count }: Shard): string => `${index}/${count}`;

/** Where a shard's rows are, in the folder of the run. */
export const shardFile = ({ index, count }: Shard): string =>
  `out.shard-${index}-of-${count}.jsonl`;

/** The files that shards of a run have left in its folder, whatever the number of shards. */
export const shardFiles = (folder: string): string[] =>
  fs.existsSync(folder)
    ? fs.readdirSync(folder).filter((name) => /^out\.shard-\d+-of-\d+\.jsonl$/.test(name))
    : [];

/** Every `count`-th of some items, the first of them at `index`. */
export const itemsOf = <T>({ index, count }: Shard, items: readonly T[]): T[] =>
  items.filter((_, at) => at % count === index - 1);
