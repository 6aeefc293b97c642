/** What the report of a run with vectors of one's own says. */
import { followLoose, type Instruction } from '../../../ifeval';
import { readInstruction } from '../../../src/checks/answerChecks';
import { InputError } from '../../../src/util/errors';
import type { ScoredRow } from '../../shared/answers/cells';
import { promptSection } from '../../shared/answers/tables';
import { namesOf } from '../../shared/report/cellSections';
import type { Describe, ReportCell } from '../../shared/report/described';
import { marksOfAll } from '../../shared/report/marks';
import { type CustomRow, computeCells, isChecked } from './cells';
import { cellsTable, shortNames } from './tables';

/** @throws InputError for a run whose answers were not checked: there is nothing to draw */
export const describeCustom: Describe<CustomRow & ScoredRow> = ({ config, rows, judged }) => {
  const cells = computeCells(rows, judged);
  if (!cells.every(isChecked)) {
    throw new InputError(
      'Its answers were not checked (check=..., regex=...): there is no report.',
    );
  }
  const short = shortNames(cells);
  const placeOf = ({ instructed, steering }: Pick<CustomRow, 'instructed' | 'steering'>) => ({
    prompts: promptSection({ instructed }),
    ...partsOf(short(steering)),
  });
  const reported = cells.map((cell): ReportCell => ({ ...placeOf(cell), stats: cell }));
  const nameOf = namesOf(reported);
  const instructions = listed(config.check).map((given) => readInstruction(given, 'check'));
  const words = (['check', 'regex', 'contains', 'not_contains'] as const).flatMap((key) => {
    const values = listed(config[key]).join(', ');
    const named = key === 'check' ? values : `${key.replace('_', ' ')} ${values}`;
    return values ? named : [];
  });
  return {
    title: 'Custom vectors',
    script: 'custom/evaluate',
    summary: `prompts of one's own, answers checked by ${words.join('; ') || 'what each row says'}.`,
    cells: reported,
    table: cellsTable(cells, true),
    sections: [],
    filters: [],
    cellOf: (row) => {
      const place = placeOf(row);
      return { prompts: place.prompts, how: nameOf(place) };
    },
    rowOf: ({ key, response }) => ({
      key,
      values: [],
      evidence: evidenceOf(instructions, response),
      marks: marksOfAll(instructions, response, 'loose'),
    }),
    notices: [],
  };
};

/** A list of a config, of which one value may stand alone. */
const listed = (value: unknown): string[] => [value ?? []].flat().map(String);

const evidenceOf = (instructions: Instruction[], response: string) =>
  instructions.map((one) => followLoose(one, response).evidence).join('; ');

/** Layer and weight apart, where there is one edit: for curves over them. */
function partsOf(steering: string): Pick<ReportCell, 'steering' | 'layer' | 'weight'> {
  const [, before, layer, weight, after] =
    /^([^@]*)@(\d+)(?:\*([^:@]*))?((?::(?!.* \+ ).*)?)$/.exec(steering) ?? [];
  if (layer === undefined) return { steering };
  return { steering: `${before}${after}`, layer: Number(layer), weight: weight ?? null };
}
