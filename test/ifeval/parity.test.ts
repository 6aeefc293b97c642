/** Our verdicts on real responses against the official ones, where shared/ has them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DIVERGENCES } from '../../ifeval/divergences';
import { evaluate } from '../../ifeval/evaluate';
import type { Mode } from '../../ifeval/follow';
import { type Row, readRows } from '../../ifeval/rows';
import { assertEffort } from '../effort';
import { testWhere } from '../where';

/** Stands beside the checkout on machines that have it, or inside of it. */
const folder = ['../../shared', '../shared']
  .map((shared) => path.join(__dirname, '..', shared, 'data/ifeval'))
  .find((candidate) => fs.existsSync(candidate));

interface Official {
  key: number;
  follow_instruction_list: boolean[];
}

function readOfficial(mode: Mode): Official[] {
  const lines = fs.readFileSync(path.join(folder!, `official_${mode}.jsonl`), 'utf8').split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

if (!folder) {
  testWhere(false, 'shared/data/ifeval is not here')('parity with the official verdicts', () => {});
} else {
  const { rows, problems } = readRows(
    path.join(folder, 'input_data.jsonl'),
    path.join(folder, 'gpt4_responses.jsonl'),
  );
  const byKey = new Map<unknown, Row>(rows.map((row) => [row.key, row]));

  test('every official prompt is understood', () => {
    const others = problems.filter(({ reason }) => !reason.startsWith('no response'));
    assert.equal(others, []);
    assert.is(rows.length, 271);
  });

  for (const mode of ['strict', 'loose'] as const) {
    test(`${mode}: the official verdict, or a listed divergence`, () => {
      let agreed = 0;
      const differing: string[] = [];
      for (const { key, follow_instruction_list: official } of readOfficial(mode)) {
        const result = evaluate(byKey.get(key)!, mode);
        result.instruction_id_list.forEach((id, i) => {
          if (result.follow_instruction_list[i] === official[i]) {
            agreed++;
            return;
          }
          const isListed = DIVERGENCES.some(
            ({ keys, instruction }) => keys.includes(key) && id.startsWith(instruction),
          );
          if (!isListed)
            differing.push(`${key} ${id}: official ${official[i]}; ${result.evidence[i]}`);
        });
      }
      assert.equal(differing, []);
      assert.ok(agreed >= 426, `${agreed} of 427 agree`);
    });
  }

  test('the whole suite is checked in seconds', () => {
    // 271 responses twice: more than the 541 prompts of the suite.
    assertEffort(150, 'the suite', () => {
      for (const mode of ['strict', 'loose', 'strict', 'loose'] as const) {
        for (const row of rows) evaluate(row, mode);
      }
    });
  });
}

test.run();
