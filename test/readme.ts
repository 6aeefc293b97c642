import * as fs from 'node:fs';
import * as path from 'node:path';

/**
 * A worked example as README.md shows it: the code block below `<!-- docs/examples/<name> -->`.
 * @throws Error when there is none
 */
export function readmeExample(name: string): string {
  const page = fs.readFileSync(path.join(__dirname, '../README.md'), 'utf8');
  const marker = `<!-- docs/examples/${name} -->`;
  const [, code] = page.split(marker)[1]?.match(/^\s*```ts\n(.*?)```/s) ?? [];
  if (!code) throw new Error(`README.md shows no code below ${marker}`);
  return code;
}
