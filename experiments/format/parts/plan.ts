import type { Positions } from '../../../src/engine/steering';
import type { RunFolder } from '../../../src/runs/runFolder';
import { answerRows, type Planned } from '../../shared/answers/answerRows';
import { groupBy } from '../../shared/answers/cells';
import { follows, type InstructionRow } from '../../shared/data/instructionRows';
import type { Session } from '../../shared/session';
import {
  type NamedEdit,
  toSteer,
  type VectorFile,
  type Weight,
} from '../../shared/vectors/vectorFile';
import type { FormatRow } from './cells';
import { answerLength } from './rows';

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

const UNSTEERED: FormatAct = { steering: 'none', layers: null, weight: null };

/** Every steering at each of the layers, `none` first; add_vector with each weight. */
export function formatActs(
  steerings: FormatSteering[],
  layers: (number | 'selected')[],
  weights: Weight[],
): FormatAct[] {
  const steered = [...new Set(steerings)]
    .filter((steering) => steering !== 'none')
    .flatMap((steering) =>
      [...new Set(layers)].flatMap((at) =>
        (steering === 'add_vector' ? [...new Set(weights)] : [null]).map((weight) => ({
          steering,
          layers: at,
          weight,
        })),
      ),
    );
  return [UNSTEERED, ...steered];
}

/** A planned row of the layer search or the evaluation. */
export interface FormatPlan
  extends Planned,
    Pick<FormatRow, 'key' | 'instruction_id' | 'instruction' | 'steering' | 'layers' | 'layer'> {
  weight: Weight | null;
  row: InstructionRow;
}

/**
 * All rows: {without, with the instruction} × every way to steer × row of the data. A row whose
 * selected layer is none stays unsteered.
 * @param selected each instruction's layer, for acts at `selected`
 */
export function planFormatRows(
  rows: InstructionRow[],
  include: boolean | 'both',
  acts: FormatAct[],
  selected: ReadonlyMap<string, number | null> = new Map(),
): FormatPlan[] {
  const inPrompt = include === 'both' ? [false, true] : [include];
  return inPrompt.flatMap((instruction) =>
    acts.flatMap((act) =>
      rows.map((row): FormatPlan => {
        const layer = act.layers === 'selected' ? (selected.get(row.id) ?? null) : act.layers;
        return {
          id: [row.key, instruction, act.steering, act.layers, act.weight].join('|'),
          key: row.key,
          instruction_id: row.id,
          instruction,
          ...act,
          layer,
          prompt: instruction ? row.prompt : row.withoutInstruction,
          edits: layer === null ? [] : [formatEdit(row.id, layer, act)],
          row,
        };
      }),
    ),
  );
}

/** The edit that steers towards one instruction at a layer. */
export function formatEdit(
  id: string,
  layer: number,
  { steering, weight }: Pick<FormatAct, 'steering' | 'weight'>,
): NamedEdit {
  return steering === 'add_vector'
    ? { kind: 'add', vector: id, layer, weight: weight as Weight }
    : { kind: 'project', vector: id, layer, target: id };
}

/** Answers the planned rows and checks the answers (loose); see `answerRows`. */
export async function answerFormatRows(
  session: Session,
  run: RunFolder<FormatRow>,
  plan: FormatPlan[],
  vectors: Pick<VectorFile, 'directions' | 'layers'>,
  config: {
    batch_size: number;
    max_generation_length: number;
    max_generation_length_long: number;
    positions: Positions;
  },
): Promise<FormatRow[]> {
  for (const group of groupBy(plan, ({ row }) => String(answerLength(row.id, config)))) {
    await answerRows(session, run, group, {
      batchSize: config.batch_size,
      maxNewTokens: answerLength(group[0].row.id, config),
      steer: (edit) => toSteer(edit, vectors, config.positions),
      toRow({ edits: _, row, ...planned }, answer): FormatRow {
        return { ...planned, ...answer, ok: follows(row, answer.response, 'loose') };
      },
    });
  }
  return plan.map(({ id }) => run.rows.get(id) as FormatRow);
}
