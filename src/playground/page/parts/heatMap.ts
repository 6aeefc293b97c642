/**
 * Tokens by layers: a row a token, with how far its prediction is moved (KL), a column a layer. A grid
 * that arrow keys walk through; the chosen cell is the only one that Tab stops at.
 */
import { html } from 'htm/preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Reading } from '../../protocol';
import { shareOf, shortNumber, visible } from '../scale';

/** A token, and a column: 0 for how far it is moved, l + 1 for the l-th layer. */
export interface Cell {
  token: number;
  column: number;
}

interface HeatMapProps {
  reading: Reading;
  /** Whose projections are shown; -1 for none. */
  vector: number;
  /** Where the colours end. */
  end: number;
  /** Where the bars of KL end. */
  mostKl: number;
  label: string;
  at: Cell;
  onCell(cell: Cell): void;
}

/** Rows that a page key passes. */
const PAGE = 10;

export function HeatMap({ reading, vector, end, mostKl, label, at, onCell }: HeatMapProps) {
  const grid = useRef<HTMLDivElement>(null);
  // Thousands of cells: drawn once, not for every cell that is pointed at.
  const rows = useMemo(
    () => drawRows(reading, vector, end, mostKl),
    [reading, vector, end, mostKl],
  );
  const columns = vector < 0 ? 0 : reading.layers.length;
  const find = ({ token, column }: Cell) =>
    grid.current?.querySelector<HTMLElement>(`[data-token="${token}"][data-column="${column}"]`);

  useEffect(() => {
    for (const old of grid.current?.querySelectorAll<HTMLElement>('[tabindex="0"]') ?? []) {
      old.tabIndex = -1;
    }
    const cell = find(at);
    if (cell) cell.tabIndex = 0;
  }, [rows, at.token, at.column]);

  useEffect(() => {
    // A new text: the chosen row is brought into view, and the page stays where it is.
    const row = find(at)?.parentElement;
    if (grid.current && row) grid.current.scrollTop = row.offsetTop - grid.current.clientHeight / 3;
  }, [reading]);

  function choose(event: Event) {
    const { token, column } = (event.target as HTMLElement).dataset;
    if (token !== undefined) onCell({ token: Number(token), column: Number(column) });
  }
  function walk(event: KeyboardEvent) {
    const next = step(event, at, reading.tokens.length - 1, columns);
    if (!next) return;
    event.preventDefault();
    find(next)?.focus();
  }
  return html`<div class=${columns <= 16 ? 'heat' : 'heat many'} ref=${grid} role="grid" aria-label=${label}
    style=${`--columns:${Math.max(1, columns)}`} onKeyDown=${walk} onFocusIn=${choose} onPointerOver=${choose}>
    ${rows}
  </div>`;
}

function drawRows(reading: Reading, vector: number, end: number, mostKl: number) {
  const { tokens } = reading;
  const layers = vector < 0 ? [] : reading.layers;
  return html`
    <div class="row head" role="row">
      <span role="columnheader">Token</span>
      <span role="columnheader" title="KL(steered ‖ unsteered) of what follows, in nats">KL</span>
      ${layers.map(
        (layer) =>
          html`<span role="columnheader" title=${`Layer ${layer}`} class=${layer % 5 ? 'between' : 'tick'}>${layer}</span>`,
      )}
    </div>
    ${tokens.map(
      (
        { text, part, kl },
        token,
      ) => html`<div class=${`row ${part} ${tokens[token - 1]?.part === part ? '' : 'first'}`} role="row">
        <span role="rowheader" class="token">${visible(text)}</span>
        <span role="gridcell" class="kl" tabindex="-1" data-token=${token} data-column="0"
          style=${`--share:${(100 * shareOf(kl, mostKl)).toFixed(0)}%`}>${shortNumber(kl)}</span>
        ${layers.map((_, l) => {
          const value = reading.projections[vector][l][token];
          if (value === null) {
            return html`<span role="gridcell" class="none" tabindex="-1" data-token=${token} data-column=${l + 1}></span>`;
          }
          return html`<span role="gridcell" class=${value < 0 ? 'below' : 'above'} tabindex="-1"
            data-token=${token} data-column=${l + 1}
            style=${`--share:${(100 * shareOf(value, end)).toFixed(0)}%`}>${shortNumber(value)}</span>`;
        })}
      </div>`,
    )}`;
}

/** Where a key leads from a cell; undefined for other keys. */
function step(
  event: KeyboardEvent,
  { token, column }: Cell,
  lastToken: number,
  lastColumn: number,
): Cell | undefined {
  const ends = event.ctrlKey || event.metaKey;
  const moves: Record<string, [token: number, column: number]> = {
    ArrowUp: [token - 1, column],
    ArrowDown: [token + 1, column],
    ArrowLeft: [token, column - 1],
    ArrowRight: [token, column + 1],
    PageUp: [token - PAGE, column],
    PageDown: [token + PAGE, column],
    Home: [ends ? 0 : token, 0],
    End: [ends ? lastToken : token, lastColumn],
  };
  const to = moves[event.key];
  if (!to || event.altKey) return undefined;
  const within = (value: number, last: number) => Math.max(0, Math.min(last, value));
  return { token: within(to[0], lastToken), column: within(to[1], lastColumn) };
}
