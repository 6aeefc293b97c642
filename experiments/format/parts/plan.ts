import type { Positions } from '../../../src/engine/steering';
import type { RunFolder } from '../../../src/runs/runFolder';
import type { Vectors } from '../../../src/vectors/steer';
import type { Weight } from '../../../src/vectors/weight';
import {
  answerRows,
  countAnswers,
  type Planned,
  tellAnswers,
} from '../../shared/answers/answering';
import { inPrompts, steeringGrid } from '../../shared/answers/grid';
import { endShard } from '../../shared/answers/oneShard';
import type { ScriptContext } from '../../shared/command/script';
import { follows, type InstructionRow } from '../../shared/data/instructionRows';
import { groupBy } from '../../shared/groupBy';
import type { Session } from '../../shared/session';
import { type NamedEdit, resolveEdit } from '../../shared/vectors/edits';
import type { FormatRow } from './cells';
import { answerLength } from './rows';
import type { Layers } from './selectedLayers';

export const FORMAT_STEERINGS = ['none', 'adjust_rs', 'add_vector'] as const;
export type FormatSteering = (typeof FORMAT_STEERINGS)[number];

/** One way to steer all rows; `none` has neither layers nor weight. */
export interface FormatAct {
  steering: FormatSteering;
  /** A layer for all instructions, or each one's selected layer. */
  layers: number | 'selected' | null;
  /** Of add_vector. */
  weight: Weight | null;
}

/** Every steering at each of the layers, `none` first; add_vector with each weight. */
export function steeringActs(
  steerings: FormatSteering[],
  layers: (number | 'selected')[],
  weights: Weight[],
): FormatAct[] {
  return steeringGrid(steerings, layers, weights).map(({ layer, ...act }) => {
    return { ...act, layers: layer };
  });
}

/** A planned row of the layer search or the evaluation. */
export interface FormatPlan
  extends Planned,
    Pick<FormatRow, 'key' | 'instruction_id' | 'instructed' | 'steering' | 'layers' | 'layer'> {
  weight: Weight | null;
  row: InstructionRow;
}

/**
 * All rows: {without, with the instruction} × every way to steer × row of the data. A row whose
 * selected layer is none, or whose instruction has no vector, stays unsteered.
 * @param selectedFor each instruction's layer for prompts with or without it, for acts at `selected`
 * @param hasVector whether an instruction has a vector
 */
export function planFormatRows(
  rows: InstructionRow[],
  config: { include_instructions: boolean | 'both'; positions: Positions },
  acts: FormatAct[],
  selectedFor: (instructed: boolean) => Layers = () => new Map(),
  hasVector: (id: string) => boolean = () => true,
): FormatPlan[] {
  return inPrompts(config.include_instructions).flatMap((instructed) => {
    const selected = selectedFor(instructed);
    return acts.flatMap((act) =>
      rows.map((row): FormatPlan => {
        const wanted = act.layers === 'selected' ? (selected.get(row.id) ?? null) : act.layers;
        const layer = hasVector(row.id) ? wanted : null;
        return {
          id: [row.key, instructed, act.steering, act.layers, act.weight].join('|'),
          key: row.key,
          instruction_id: row.id,
          instructed,
          ...act,
          layer,
          prompt: instructed ? row.prompt : row.withoutInstruction,
          edits: layer === null ? [] : [editTowards(row.id, layer, config.positions, act)],
          row,
        };
      }),
    );
  });
}

/** The edit that steers towards one instruction at a layer. */
export function editTowards(
  id: string,
  layer: number,
  positions: Positions,
  { steering, weight }: Pick<FormatAct, 'steering' | 'weight'>,
): NamedEdit {
  return steering === 'add_vector'
    ? { kind: 'add', vector: id, layer, positions, weight: weight as Weight }
    : { kind: 'project', vector: id, layer, positions, target: id };
}

/** How long answers may be. */
interface AnswerLengths {
  max_generation_length: number;
  max_generation_length_long: number;
}

/** Rows whose answers may be equally long: only these share answers. */
const byAnswerLength = (plan: FormatPlan[], config: AnswerLengths) =>
  groupBy(plan, ({ row }) => String(answerLength(row.id, config)));

/** How many answers a plan takes. */
export function countFormatAnswers(plan: FormatPlan[], config: AnswerLengths): number {
  return byAnswerLength(plan, config).reduce((sum, group) => sum + countAnswers(group), 0);
}

/** As `tellAnswers`. */
export function tellFormatAnswers(
  context: Pick<ScriptContext, 'plans'>,
  config: Parameters<typeof tellAnswers>[1] & AnswerLengths,
  folder: string,
  plan: FormatPlan[],
): void {
  const parts = byAnswerLength(plan, config).map((group) => {
    return { plan: group, newTokens: answerLength(group[0].row.id, config) };
  });
  tellAnswers(context, config, folder, parts);
}

/** Answers the planned rows and checks the answers (loose); see `answerRows`, `endShard`. */
export async function answerFormatRows(
  session: Session,
  run: RunFolder<FormatRow>,
  plan: FormatPlan[],
  vectors: Vectors,
  config: AnswerLengths & { batch_size: number },
): Promise<FormatRow[]> {
  for (const group of byAnswerLength(plan, config)) {
    await answerRows(session, run, group, {
      batchSize: config.batch_size,
      maxNewTokens: answerLength(group[0].row.id, config),
      editOf: (edit) => resolveEdit(edit, [vectors]),
      toRow({ edits: _, row, ...planned }, answer): FormatRow {
        return { ...planned, ...answer, ok: follows(row, answer.response, 'loose') };
      },
    });
  }
  endShard(run);
  return plan.map(({ id }) => run.rows.get(id) as FormatRow);
}
