/** What the report of a folder of the paper's analyses says: from the files that they wrote there. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import {
  type Change as Bars,
  changeBars,
  groupedBars,
  heatMap,
  pcaScatter,
  scatter,
} from '../../../src/report/charts';
import type { Figure, Report, ReportedRun, Section } from '../../../src/report/types';
import { isMap } from '../../../src/runs/config';
import { parseJson } from '../../../src/util/json';
import { shortIds } from '../../format/parts/tables';
import { promptSection } from '../../shared/answers/tables';
import { groupBy } from '../../shared/groupBy';
import { endWith, type Reporting } from '../../shared/report/finish';
import { type ResultCell, resultsOf, titleOf } from './results';
import type {
  CellTest,
  Change,
  ExclusionComparison,
  InstructionChange,
  ScatterPoint,
} from './runAnalyses';
import { changesTable, exclusionTable, scatterTable, testsTable } from './runTables';
import type { DifferencePca, PromptCosines, VectorCosines } from './vectorAnalyses';
import { pcaTable, promptsTable, similarTable, vocabularyTable } from './vectorTables';
import type { ProjectedVector } from './vocabulary';

type File = Record<string, unknown> & { what: string; from: Record<string, unknown> };

const SHARE = { title: 'answers that obey', percent: true };

/** Each file of analyses, in the order of the page. */
const SECTIONS: Record<string, (file: File) => Section> = {
  results: (file) => resultsSection((file.tables ?? []) as WrittenTable[]),
  per_instruction: ({ instructions }) => changesSection(instructions as InstructionChange[]),
  scatter: ({ points }) => scatterSection(points as ScatterPoint[]),
  exclusion: ({ cells }) => exclusionSection(cells as ExclusionComparison[]),
  mcnemar: ({ tests }) => ({
    title: "McNemar's exact tests",
    text: ['How likely two cells would differ as much by chance alone, paired by query.'],
    tables: [{ table: testsTable(tests as CellTest[], true) }],
  }),
  cosines: ({ sets }) => cosinesSection(sets as CosineSet[]),
  prompt_cosines: (file) => promptCosinesSection(file as unknown as PromptCosinesFile),
  pca: ({ layers }) => pcaSection(layers as DifferencePca[]),
  vocabulary: ({ vectors }) => ({
    title: 'Vectors as tokens',
    text: [
      "Each vector at the layer that it acts at, read by the model's output layer: the tokens at its ends.",
    ],
    tables: [{ table: vocabularyTable(vectors as ProjectedVector[], true) }],
  }),
};

/** Whether a folder holds analyses. */
export const holdsAnalyses = (folder: string): boolean =>
  Object.keys(SECTIONS).some((name) => fs.existsSync(path.join(folder, `${name}.json`)));

/** The sections of the analyses that a folder holds. */
export function analysisSections(folder: string): Section[] {
  return readFiles(folder).map(({ name, file }) => SECTIONS[name](file));
}

/** A report on the analyses of a folder alone. */
export function reportOnAnalyses(folder: string): Report {
  const files = readFiles(folder);
  const model = path.basename(path.dirname(path.resolve(folder)));
  const runs = analysisRuns(folder, model);
  return {
    title: `Analyses, ${model}`,
    summary: `${model}: ${files.map(({ file }) => file.what.replace(/\.$/, '')).join('; ')}.`,
    sections: analysisSections(folder),
    runs,
  };
}

/** Where the analyses of a folder come from, as the runs of its report. */
export function analysisRuns(folder: string, model: string): ReportedRun[] {
  const files = readFiles(folder);
  const settings = Object.fromEntries(files.map(({ name, file }) => [name, file.from]));
  const script = files.some(({ name }) => name === 'results') ? 'reproduce' : 'analyses';
  const words = script === 'reproduce' ? settingsOf(settings.results) : [`model_name=${model}`];
  const command = [`npx ts-node experiments/paper/${script}.ts`, ...words].join(' ');
  return [{ name: `Analyses, ${model}`, folder, command, settings, notices: [] }];
}

/** What was said on the command line. */
const settingsOf = (from: Record<string, unknown>) =>
  Array.isArray(from.settings) ? from.settings.map((word) => quoted(String(word))) : [];

const quoted = (word: string) =>
  /^[\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** Writes the report of a folder of analyses, and says where both are. */
export function endWithAnalyses(context: Pick<Reporting, 'report'>, folder: string): Promise<void> {
  return endWith(context, folder, 'All figures', () => reportOnAnalyses(folder));
}

function readFiles(folder: string): { name: string; file: File }[] {
  return Object.keys(SECTIONS).flatMap((name) => {
    const file = path.join(folder, `${name}.json`);
    if (!fs.existsSync(file)) return [];
    const content = parseJson(fs.readFileSync(file, 'utf8'));
    return isMap(content) ? [{ name, file: content as File }] : [];
  });
}

/** A table as results.json has it. */
export interface WrittenTable {
  table: string;
  steered_by: string | null;
  paper_n: number | null;
  cells: ResultCell[];
}

/** Our cells, beside the paper's where it has numbers. */
export function resultsSection(tables: WrittenTable[]): Section {
  const hasPaper = tables.some(({ cells }) => cells.some(({ paper }) => paper !== null));
  const figures = tables.flatMap(({ table, cells }, at): Figure[] => {
    const bars = cells.flatMap(({ cell, ours, interval, paper }) => [
      ...(ours === null ? [] : [{ group: cell, series: 'ours', value: ours, interval }]),
      ...(paper === null ? [] : [{ group: cell, series: 'the paper', value: paper }]),
    ]);
    if (!bars.length) return [];
    return [
      {
        id: `results-${at + 1}`,
        title: table,
        caption:
          'Shares of answers that obey; lines are our 95 % intervals.' +
          (hasPaper
            ? " Where the paper's number lies within the line, ours does not contradict it."
            : ' The paper has no numbers for this model.'),
        spec: groupedBars(bars, { axis: SHARE }),
      },
    ];
  });
  const items = tables.flatMap(({ table: name, steered_by, paper_n, cells }) =>
    cells.map((cell) => ({ ...cell, paper_n, title: titleOf({ name, steered_by }) })),
  );
  return {
    title: hasPaper ? "Beside the paper's numbers" : 'The cells of the paper',
    figures,
    tables: [{ table: resultsOf(items, hasPaper, true) }],
  };
}

function changesSection(rows: InstructionChange[]): Section {
  const nameOf = shortIds(rows.map(({ instruction_id }) => instruction_id));
  const figures = ([false, true] as const).flatMap((instructed): Figure[] => {
    const of = (row: InstructionChange): Change | null => (instructed ? row.with : row.without);
    const bars = rows.flatMap((row): Bars[] => {
      const change = of(row);
      if (!change) return [];
      const { unsteered, steered } = change;
      return [{ name: nameOf(row.instruction_id), unsteered, steered }];
    });
    if (!bars.length) return [];
    return [
      {
        id: instructed ? 'change-with' : 'change-without',
        title: promptSection({ instructed }),
        caption:
          'From the unsteered share that obeys to the steered one; on the right the points won.',
        spec: changeBars(bars),
      },
    ];
  });
  return {
    title: 'What steering changes, by instruction',
    figures,
    tables: [{ table: changesTable(rows) }],
  };
}

function scatterSection(points: ScatterPoint[]): Section {
  const spec = scatter(
    points.map(({ instructed, steering, layer, weight, accuracy, low_perplexity }) => ({
      x: low_perplexity,
      y: accuracy,
      name: steering === 'none' ? 'unsteered' : `layer ${layer}, ${weight ?? ''}`,
      group: promptSection({ instructed }),
    })),
    { x: { title: 'answers of low perplexity, or empty', percent: true }, y: SHARE },
  );
  return {
    title: 'Keywords: obeyed against degenerate answers',
    figures: [
      {
        id: 'keyword-validation',
        title: 'Layers and weights of the keyword validation',
        caption:
          'A point is a layer and weight. To the right more answers repeat themselves or are empty: what ' +
          'is obeyed there is bought with broken text. The settings to take stand top left.',
        spec,
      },
    ],
    tables: [{ table: scatterTable(points) }],
  };
}

function exclusionSection(cells: ExclusionComparison[]): Section {
  const bars = cells.flatMap(({ cell, subtraction, addition }) => [
    ...(subtraction === null
      ? []
      : [{ group: cell, series: 'inclusion vector subtracted', value: subtraction }]),
    ...(addition === null
      ? []
      : [{ group: cell, series: 'exclusion vector added', value: addition }]),
  ]);
  return {
    title: 'Words to avoid, in two ways',
    figures: bars.length
      ? [
          {
            id: 'exclusion',
            title: 'Away from the word, or towards avoiding it',
            caption: 'Shares of answers without the word.',
            spec: groupedBars(bars, { axis: SHARE }),
          },
        ]
      : [],
    tables: [{ table: exclusionTable(cells) }],
  };
}

interface CosineSet {
  of: string;
  names: string[];
  layers: VectorCosines[];
}

/** A map of more vectors can't be read. */
const MOST_VECTORS = 40;

function cosinesSection(sets: CosineSet[]): Section {
  const middle = <T>(some: T[]) => some[some.length >> 1];
  return {
    title: 'How alike the vectors are',
    figures: sets.flatMap(({ of, names, layers }): Figure[] => {
      const one = middle(layers);
      if (!one || names.length < 2 || names.length > MOST_VECTORS) return [];
      const shown = names.map(shortIds(names));
      return [
        {
          id: `cosines-${of}`,
          title: `Cosines between the vectors of ${of}, layer ${one.layer}`,
          caption:
            '1: the same direction; 0: nothing in common; below 0: opposed. Vectors that are alike ' +
            'steer towards each other’s instructions too.',
          spec: heatMap({
            ...{ rows: shown, columns: shown, values: one.cosines },
            title: 'cosine',
            domain: [-1, 1],
          }),
        },
      ];
    }),
    tables: sets.map(({ of, names, layers }) => ({
      title: `${of}, layer ${middle(layers).layer}: the most and least similar`,
      table: similarTable(names, middle(layers).cosines),
    })),
  };
}

interface PromptCosinesFile {
  names: string[];
  instructions: string[];
  layers: PromptCosines[];
}

function promptCosinesSection({ names, instructions, layers }: PromptCosinesFile): Section {
  const one = layers[layers.length >> 1];
  const all = shortIds([...names, ...instructions]);
  const figures = (['with', 'without'] as const).map((which): Figure => {
    return {
      id: `prompt-cosines-${which}`,
      title: `Vectors against prompts ${which} their instruction, layer ${one.layer}`,
      caption:
        'Mean cosine of each vector (row) with the last token of the prompts of each instruction ' +
        '(column). On the diagonal: its own.',
      spec: heatMap({
        rows: names.map(all),
        columns: instructions.map(all),
        values: one[which],
        title: 'cosine',
        domain: [-1, 1],
        axes: { x: 'prompts of', y: 'vector of' },
      }),
    };
  });
  const readable = Math.max(names.length, instructions.length) <= MOST_VECTORS;
  return {
    title: 'Vectors against prompts',
    figures: readable ? figures : [],
    tables: [{ table: promptsTable(names, instructions, one) }],
  };
}

function pcaSection(layers: DifferencePca[]): Section {
  const one = layers[layers.length >> 1];
  const nameOf = shortIds(one.points.map(({ instruction_id }) => instruction_id));
  const groups = groupBy(one.points, ({ instruction_id }) => instruction_id);
  const [first = 0, second = 0] = one.explained;
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const means = groups.map((group) => ({
    x: mean(group.map(({ x }) => x)),
    y: mean(group.map(({ y }) => y)),
    name: nameOf(group[0].instruction_id),
    group: 'mean: the vector',
  }));
  const points = one.points.map(({ x, y }) => ({ x, y, name: '', group: 'a prompt' }));
  return {
    title: 'PCA of the vectors and of what they are means of',
    figures: [
      {
        id: 'pca',
        title: `PCA of what instructions add, layer ${one.layer}`,
        caption:
          'A small point is a prompt: the residual stream at its last token with the instruction, less ' +
          'that without it, along the two directions in which these differences vary most. The mean ' +
          "over an instruction's prompts is its vector, named here. Prompts that lie close around it " +
          'share a direction: that is what makes it one to steer by.',
        spec: pcaScatter([...points, ...means], { explained: [first, second] }),
      },
    ],
    tables: [{ title: 'Means', table: pcaTable(one) }],
  };
}
