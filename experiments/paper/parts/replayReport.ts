/** A replay in words and tables, and as JSON. */
import { type ColumnOf, percent, showTable, tableOf, wrap } from '../../../src/util/table';
import type { Published } from '../../shared/command/presets';
import { CELLS, SEARCHES, type Search } from './outputs';
import type { Replay } from './replay';

/** What the paper says of a model's format answers, where it is known. */
type Paper = Published['format'];

/** What other programs read. Cells are shares from 0 to 1 by our verdicts; null: no file. */
export function replayJson({ agree, compared, drawn, layers, cells }: Replay): string {
  return JSON.stringify({
    verdicts: { agree, of: compared, not_compared: drawn },
    layers,
    cells: cells.map((cell) => cell?.ours ?? null),
  });
}

/** All that is said for people, in lines of 80 columns at most. */
export function describeReplay(found: Replay, paper?: Paper): string {
  return [
    ...verdictLines(found),
    '',
    'Layers of the published choice',
    layersTable(found, paper),
    ...wrap(comparePaper(found, paper)),
    ...wrap(compareOurs(found)),
    '',
    'Obeyed, loosely',
    cellsTable(found, paper),
  ].join('\n');
}

/** What to know before trusting the figures: files that are missing, responses left out. */
export function warnings({ missing, unchecked }: Replay): string[] {
  const lines = missing.length ? [`Missing, and left out: ${missing.join(', ')}.`] : [];
  if (!unchecked.length) return lines;
  const rows = unchecked.map(({ row, evidence }) => `${row.id}: ${evidence}`);
  const title = `${count(unchecked.length)} responses can't be checked, and are left out:`;
  return [...lines, title, ...listed(rows)];
}

/** Two spaces in; the first of many. */
function listed(rows: string[], most = 20): string[] {
  const lines = rows.slice(0, most).flatMap((row) => wrap(row, 78));
  if (rows.length > most) lines.push(`and ${count(rows.length - most)} more`);
  return lines.map((line) => `  ${line}`);
}

const count = (n: number) => n.toLocaleString('en');

function verdictLines({ responses, compared, agree, drawn, differing }: Replay): string[] {
  const agreement =
    `${count(responses)} responses checked. Of ${count(compared)} recorded verdicts that can be ` +
    `compared, ${count(agree)} agree with ours.`;
  const others =
    `${count(drawn)} more are not compared: their rows do not say how many words in capitals are ` +
    'wanted, and the official checker took a random number.';
  const rows = differing.map(({ row, evidence }) => {
    const verdict = row.recorded ? 'followed' : 'not followed';
    return `${row.id}, ${row.ids.join(', ')}: recorded as ${verdict}; ours: ${evidence}`;
  });
  return [...wrap(agreement), ...listed(rows), ...(drawn ? wrap(others) : [])];
}

const SIDES = Object.keys(SEARCHES) as Search[];

const layerName = (layer: number | null | undefined) => (layer === null ? 'none' : layer);

/** The paper's layer; undefined where it says nothing of an instruction: it evaluated others. */
function paperLayer(paper: Paper, side: Search, id: string, evaluated: string[]) {
  const listed = paper?.layers?.[side][id];
  return listed ?? (paper?.layers && evaluated.includes(id) ? null : undefined);
}

function layersTable({ layers, evaluated }: Replay, paper: Paper): string {
  const ids = [...new Set(SIDES.flatMap((side) => Object.keys(layers[side])))];
  const columns = SIDES.flatMap((side): ColumnOf<string>[] => [
    { name: `${side} it`, cell: (id) => layerName(layers[side][id]) },
    { name: 'paper', cell: (id) => layerName(paperLayer(paper, side, id, evaluated)) },
  ]);
  const label = { name: 'instruction', label: true, cell: (id: string) => id };
  const known = columns.filter(({ name }) => paper?.layers || name !== 'paper');
  return showTable(tableOf([label, ...known], ids));
}

/** Every choice, with what else it might be. */
function choices<T>({ layers }: Replay, otherOf: (side: Search, id: string) => T) {
  return SIDES.flatMap((side) =>
    Object.entries(layers[side]).map(([id, layer]) => ({
      side,
      id,
      layer,
      other: otherOf(side, id),
    })),
  );
}

function comparePaper(found: Replay, paper: Paper): string {
  if (!paper?.layers) return '';
  const known = choices(found, (side, id) => paperLayer(paper, side, id, found.evaluated)).filter(
    ({ other }) => other !== undefined,
  );
  const same = known.filter(({ layer, other }) => layer === other).length;
  return `${same} of ${known.length} choices that the paper used are the same here.`;
}

function compareOurs(found: Replay): string {
  const others = choices(found, (side, id) => found.ourLayers[side][id])
    .filter(({ layer, other }) => layer !== other)
    .map(
      ({ side, id, layer, other }) =>
        `${id} ${side} the instruction (${layerName(other)}, not ${layerName(layer)})`,
    );
  const butFor = others.length ? `, but for ${others.join('; ')}` : '';
  return `The choice is by the recorded verdicts; by ours it is the same${butFor}.`;
}

function cellsTable({ cells }: Replay, paper: Paper): string {
  const items = Object.keys(CELLS).map((name, i) => ({
    name,
    cell: cells[i],
    published: paper?.cells[i] ?? null,
  }));
  const columns: ColumnOf<(typeof items)[number]>[] = [
    { name: 'cell', label: true, cell: ({ name }) => name },
    { name: 'n', cell: ({ cell }) => cell?.n },
    { name: 'ours', cell: ({ cell }) => percent(cell?.ours ?? null) },
    { name: 'recorded', cell: ({ cell }) => percent(cell?.recorded ?? null) },
    { name: 'paper', cell: ({ published }) => published && percent(published / 100) },
  ];
  return showTable(
    tableOf(
      columns.filter(({ name }) => paper || name !== 'paper'),
      items,
    ),
  );
}
