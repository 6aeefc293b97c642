/** What the reports of a format run and of a layer search say. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { followLoose } from '../../../ifeval';
import { changeBars, heatMap, layerCurve } from '../../../src/report/charts';
import type { Figure, Section } from '../../../src/report/types';
import { parseJson } from '../../../src/util/json';
import type { Results } from '../../shared/answers/readRun';
import { promptSection } from '../../shared/answers/tables';
import { namesOf } from '../../shared/report/cellSections';
import { checkedRows } from '../../shared/report/checkedRows';
import {
  type Describe,
  type Described,
  howOf,
  type ReportCell,
} from '../../shared/report/described';
import { marksOfAll } from '../../shared/report/marks';
import { computeCells, type FormatCell, type FormatRow } from './cells';
import { type ChoiceOf, isOut, type LayerChoice, layersTable } from './layerChoice';
import { loadFormatRows } from './rows';
import { byInstructionTable, cellsTable, layerComparison, shortIds } from './tables';

type Settings = Record<string, unknown>;

export const describeFormat: Describe<FormatRow> = (run) => {
  const { config, summary, folder } = run;
  const cells = computeCells(run.rows, run.judged);
  const notices: string[] = [];
  const { rows_that_gave_the_vectors: known, rows_without_vector: without } = summary ?? {};
  if (known) {
    notices.push(
      `${known} of the rows gave the vectors too: for them this is no test on unseen rows.`,
    );
  }
  if (without) notices.push(`${without} rows have no vector for their instruction: not steered.`);
  const described = describeRows(run, cells);
  return {
    ...described,
    title: 'Format',
    script: 'format/evaluate',
    summary:
      'answers checked by IFEval, each instruction steered by its own vector' +
      `${config.vectors_model ? ` of ${config.vectors_model}` : ''} at the layer chosen for it.`,
    sections: [changeSection(cells), ...choicesSection(readChoices(folder, config, summary))],
    notices: [...notices, ...described.notices],
  };
};

export const describeLayerSearch: Describe<FormatRow> = (run) => {
  const cells = computeCells(run.rows, run.judged);
  return {
    ...describeRows(run, cells),
    title: 'Layer search',
    script: 'format/find_best_layer',
    summary: `every instruction steered at each of several layers by ${run.config.steering}.`,
    sections: [byLayerSection(cells)],
  };
};

function describeRows(
  { config, rows }: Results<FormatRow>,
  cells: FormatCell[],
): Described<FormatRow> {
  const { byKey, notices } = checkedRows(config, (file) => loadFormatRows(file, { checked: true }));
  const shortId = shortIds(rows.map(({ instruction_id }) => instruction_id));
  const reported = cells.map((cell): ReportCell => ({ ...placeOf(cell), stats: cell }));
  const nameOf = namesOf(reported);
  return {
    ...{ title: '', script: '', summary: '', sections: [], notices },
    cells: reported,
    table: cellsTable(cells, true),
    filters: ['instruction'],
    cellOf: (row) => {
      const place = placeOf(row);
      return { prompts: place.prompts, how: nameOf(place) };
    },
    rowOf: ({ key, instruction_id, response }) => {
      const instructions = byKey.get(key)?.instructions ?? [];
      return {
        key,
        values: [shortId(instruction_id)],
        evidence: instructions.map((one) => followLoose(one, response).evidence).join('; '),
        marks: marksOfAll(instructions, response, 'loose'),
      };
    },
  };
}

/** Each instruction at its own layer has none that all share. */
const placeOf = (cell: Pick<FormatCell, 'instructed' | 'steering' | 'weight' | 'layers'>) => ({
  prompts: promptSection(cell),
  steering: cell.layers === 'selected' ? `${cell.steering}, selected layers` : cell.steering,
  weight: cell.weight,
  layer: typeof cell.layers === 'number' ? cell.layers : null,
});

/** Instruction by instruction, for each kind of prompts: the first way to steer. */
function changeSection(cells: FormatCell[]): Section {
  const own = cells.filter(({ layers }) => typeof layers !== 'number');
  const prompts = [...new Set(own.map(({ instructed }) => instructed))];
  const nameOf = shortIds(own.flatMap((one) => one.by_instruction.map((by) => by.instruction_id)));
  const figures = prompts.flatMap((instructed): Figure[] => {
    const some = own.filter((cell) => cell.instructed === instructed);
    const none = some.find(({ steering }) => steering === 'none');
    const steered = some.find(({ steering }) => steering !== 'none');
    if (!none || !steered) return [];
    const changes = steered.by_instruction.flatMap(({ instruction_id: id, accuracy }) => {
      const before = none.by_instruction.find(({ instruction_id }) => instruction_id === id);
      return before ? [{ name: nameOf(id), unsteered: before.accuracy, steered: accuracy }] : [];
    });
    return [
      {
        id: instructed ? 'change-with' : 'change-without',
        title: promptSection({ instructed }),
        caption: `From unsteered to ${howOf(placeOf(steered))}, for each instruction; on the right the points won.`,
        spec: changeBars(changes),
      },
    ];
  });
  const comparison = layerComparison(cells);
  return {
    title: 'Instruction by instruction',
    text: comparison,
    figures,
    tables: [{ table: byInstructionTable(cells, true) }],
  };
}

/** The choice of layers that the run's vectors were stored with, where it is still there. */
function readChoices(folder: string, config: Settings, summary: Settings = {}): ChoiceOf[] {
  const file = path.join(path.dirname(folder), 'ivs', `${config.ivs_name}.summary.json`);
  if (!fs.existsSync(file)) return [];
  const { choices, selected_layers } = (parseJson(fs.readFileSync(file, 'utf8')) ?? {}) as Settings;
  // Another choice may have taken its place since.
  if (!isDeepStrictEqual(selected_layers, summary.selected_layers)) return [];
  if (Array.isArray(choices)) {
    return choices.length ? [{ inPrompt: 'both', layers: choices as LayerChoice[] }] : [];
  }
  const { without, with: withIt } = (choices ?? {}) as {
    without?: LayerChoice[];
    with?: LayerChoice[];
  };
  return [
    ...(without ? [{ inPrompt: false, layers: without }] : []),
    ...(withIt ? [{ inPrompt: true, layers: withIt }] : []),
  ];
}

/** How the layers were chosen: each instruction's share at each layer, the chosen ones framed. */
function choicesSection(choices: ChoiceOf[]): Section[] {
  if (!choices.length) return [];
  return [
    {
      title: 'The layers that were chosen',
      text: [
        'Each instruction was steered at each of these layers, on rows of their own. The layer that is ' +
          'obeyed most was taken, but none whose answers are degenerate (empty, or of a perplexity below ' +
          'the threshold); no steering where no layer does better.',
      ],
      figures: choices.flatMap(choiceFigures),
      tables: [{ table: layersTable(choices, true) }],
    },
  ];
}

function choiceFigures({ inPrompt, layers: choices }: ChoiceOf): Figure[] {
  const which = inPrompt === 'both' ? '' : inPrompt ? '-with' : '-without';
  const prompts = inPrompt === 'both' ? 'All prompts' : promptSection({ instructed: inPrompt });
  const nameOf = shortIds(choices.map(({ instruction_id }) => instruction_id));
  const tried = [...new Set(choices.flatMap(({ layers }) => layers.map(({ layer }) => layer)))];
  const columns = tried.map((layer) => (layer === null ? 'none' : String(layer)));
  const scoreAt = (choice: LayerChoice, layer: number | null) =>
    choice.layers.find((one) => one.layer === layer);
  const values = choices.map((choice) =>
    tried.map((layer) => scoreAt(choice, layer)?.accuracy ?? null),
  );
  const marked = choices.map((choice, row): [number, number] => [
    row,
    tried.indexOf(choice.selected),
  ]);
  const out = choices.flatMap((choice) =>
    choice.layers
      .filter(isOut)
      .map(({ layer }) => `${nameOf(choice.instruction_id)} at ${layer ?? 'none'}`),
  );
  const lines = choices.slice(0, MOST_LINES);
  const points = lines.flatMap((choice) =>
    choice.layers.flatMap((score) => {
      const { layer, accuracy: share } = score;
      const series = nameOf(choice.instruction_id);
      return layer === null ? [] : [{ layer, share, series, degenerate: isOut(score) }];
    }),
  );
  const selected = lines.flatMap(({ instruction_id, selected: layer }) =>
    layer === null ? [] : [{ layer, series: nameOf(instruction_id) }],
  );
  const map: Figure = {
    id: `layer-choice${which}`,
    title: `Obeyed at each layer. ${prompts}`,
    caption:
      'Share of answers that obey, by instruction and layer ("none": unsteered); a frame marks the ' +
      `layer chosen. ${out.length ? `Degenerate, so not to be chosen († in the table): ${out.join(', ')}.` : 'No layer was degenerate.'}`,
    spec: heatMap({
      rows: choices.map(({ instruction_id }) => nameOf(instruction_id)),
      ...{ columns, values, marked },
      title: 'answers that obey',
      domain: [0, 1],
      axes: { x: 'layer' },
      percent: true,
    }),
  };
  if (new Set(points.map(({ layer }) => layer)).size < 2) return [map];
  const curve: Figure = {
    id: `layer-curve${which}`,
    title: `Curves over layers. ${prompts}`,
    caption:
      'The same as lines; a ring marks the layer chosen, a cross a degenerate one.' +
      (lines.length < choices.length
        ? ` The first ${lines.length} of ${choices.length} instructions; the map has all.`
        : ''),
    spec: layerCurve(points, { selected }),
  };
  return [map, curve];
}

/** Lines that are told apart by colour. */
const MOST_LINES = 8;

/** The search before anything is chosen: the share that obeys, by instruction and layer. */
function byLayerSection(cells: FormatCell[]): Section {
  const prompts = [...new Set(cells.map(({ instructed }) => instructed))];
  const ids = [
    ...new Set(cells.flatMap((one) => one.by_instruction.map((by) => by.instruction_id))),
  ].sort();
  const nameOf = shortIds(ids);
  const figures = prompts.map((instructed): Figure => {
    const own = cells.filter((cell) => cell.instructed === instructed);
    const shareOf = (cell: FormatCell, id: string) =>
      cell.by_instruction.find((by) => by.instruction_id === id)?.accuracy ?? null;
    return {
      id: instructed ? 'layers-by-instruction-with' : 'layers-by-instruction-without',
      title: promptSection({ instructed }),
      caption: 'Share of answers that obey, by instruction and layer ("none": unsteered).',
      spec: heatMap({
        rows: ids.map(nameOf),
        columns: own.map(({ layers }) => String(layers ?? 'none')),
        values: ids.map((id) => own.map((cell) => shareOf(cell, id))),
        title: 'answers that obey',
        domain: [0, 1],
        axes: { x: 'layer' },
        percent: true,
      }),
    };
  });
  return { title: 'Instruction by instruction', figures };
}
