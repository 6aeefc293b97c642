import { type ColumnOf, percent, showTable, type Table, tableOf } from '../../../src/util/table';
import { isMostlyBroken } from '../../shared/answers/broken';
import type { CellStats } from '../../shared/answers/cells';
import { mean, median } from '../../shared/answers/statistics';
import { promptSection, shortPercent, statsColumns } from '../../shared/answers/tables';
import type { FormatCell } from './cells';

/** All that is said of a run. */
export function describeCells(cells: FormatCell[], wide: boolean): string {
  const parts = [
    `Obeyed, by instruction${wide ? '' : ', in percent'}`,
    showTable(byInstructionTable(cells, wide), { wide }),
    '\nObeyed, all instructions together',
    showTable(cellsTable(cells, wide), { wide }),
    layerComparison(cells).map((line) => `\n${line}`),
  ];
  return parts.flat().join('\n');
}

/** All instructions together, a row per cell. */
export function cellsTable(cells: FormatCell[], wide: boolean): Table {
  const columns: ColumnOf<FormatCell>[] = [
    { name: 'steering', label: true, cell: ({ steering }) => steering },
    { name: 'weight', label: true, cell: ({ weight }) => weight },
    { name: 'layer', label: true, cell: ({ layers }) => layers },
    ...statsColumns(wide, cells),
  ];
  return tableOf(columns, cells, promptSection);
}

/**
 * The share that obeys, a row per instruction and a column per cell (fixed layers aside); and the layer
 * that was selected for such prompts.
 */
export function byInstructionTable(all: FormatCell[], wide: boolean): Table {
  const cells = all.filter(({ layers }) => typeof layers !== 'number');
  const ids = [...new Set(cells.flatMap((cell) => cell.by_instruction.map(idOf)))].sort();
  const nameOf = shortIds(ids);
  const howOf = ({ steering, weight }: FormatCell) =>
    [steering, weight].filter((part) => part !== null).join(' ');
  const hows = [...new Set(cells.map(howOf))];
  const prompts = [...new Set(cells.map(({ instructed }) => instructed))];
  const items = prompts.flatMap((instructed) => ids.map((id) => ({ instructed, id })));
  type Item = (typeof items)[number];
  const find = ({ instructed, id }: Item, how: string) =>
    cells
      .find((cell) => cell.instructed === instructed && howOf(cell) === how)
      ?.by_instruction.find((by) => idOf(by) === id);
  const steered = cells.find(({ layers }) => layers === 'selected');
  const layerOf = (item: Item) => {
    const by = steered && find(item, howOf(steered));
    return by && (by.layer ?? 'none');
  };
  const columns: ColumnOf<Item>[] = [
    { name: 'instruction', label: true, cell: ({ id }) => (wide ? id : nameOf(id)) },
    { name: 'n', cell: (item) => find(item, hows[0])?.n },
    ...(steered ? [{ name: 'layer', cell: layerOf }] : []),
    ...hows.map((how) => ({
      name: how,
      cell: (item: Item) => shortPercent(find(item, how)?.accuracy ?? null, wide),
    })),
  ];
  return tableOf(columns, items, promptSection);
}

/** Ids without their groups (`detectable_format:title` → `title`), where that says as much. */
export function shortIds(ids: string[]): (id: string) => string {
  const short = (id: string) => id.replace(/^[^:]*:/, '');
  const names = new Set(ids.map(short));
  return names.size === new Set(ids).size ? short : (id) => id;
}

const idOf = ({ instruction_id }: { instruction_id: string }) => instruction_id;

/**
 * In words, per steering without the instruction in the prompt: each instruction at its selected
 * layer against the median of the fixed layers, where the run has both; instructions weigh the same.
 */
export function layerComparison(cells: FormatCell[]): string[] {
  const plain = cells.filter(({ instructed }) => !instructed);
  return plain
    .filter(({ layers }) => layers === 'selected')
    .flatMap((chosen) => {
      const fixed = plain.filter(
        (cell) =>
          typeof cell.layers === 'number' &&
          cell.steering === chosen.steering &&
          cell.weight === chosen.weight,
      );
      if (!fixed.length) return [];
      const medians = chosen.by_instruction.map(({ instruction_id: id }) =>
        median(
          fixed.flatMap((cell) => cell.by_instruction.filter((by) => idOf(by) === id).map(shareOf)),
        ),
      );
      const [own, other] = [chosen.by_instruction.map(shareOf), medians].map(mean);
      return [
        `${chosen.steering} without the instruction: ${percent(own)} at the selected layers, ` +
          `${percent(other)} at the median of layers ${fixed.map(({ layers }) => layers).join(', ')} ` +
          `(by instruction); ${bestLayer(fixed)}.`,
      ];
    });
}

/** Layers with mostly empty or repeating answers do not count. */
function bestLayer(fixed: FormatCell[]): string {
  const sound = fixed.filter((cell) => !isMostlyBroken(cell));
  if (!sound.length) return 'most answers of each single layer are empty or repeat themselves';
  return `best single layer ${percent(Math.max(...sound.map(shareOf)))}`;
}

const shareOf = ({ accuracy }: CellStats) => accuracy;
