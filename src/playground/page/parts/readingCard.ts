/** What the model held: the projection on a vector at all layers and tokens, and what it meant to say. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { type Reading, SIDES, type Side } from '../../protocol';
import { scaleEnd, shortNumber } from '../scale';
import type { RunState } from '../useRun';
import { SIDE_NAMES } from './answers';
import { Choice } from './fields';
import { type Cell, HeatMap } from './heatMap';
import { Inspector } from './inspector';

export function ReadingCard({ run }: { run: RunState }) {
  return html`<section class="card reading" aria-labelledby="reading-title" aria-busy=${run.stale && run.state === 'running'}>
    <div class="title">
      <h2 id="reading-title">Inside the model</h2>
      <span class="says" role="status">${run.stale && Object.keys(run.readings).length ? 'of the run before' : ''}</span>
    </div>
    ${
      Object.keys(run.readings).length
        ? h(Readings, { run })
        : html`<p class="hint empty">After a run: how far each token points along a vector, layer by layer,
          what is likeliest to follow it, and how far steering moves that.</p>`
    }
  </section>`;
}

function Readings({ run: { readings, stale } }: { run: RunState }) {
  const [wantedSide, setSide] = useState<Side>('steered');
  const [wantedVector, setVector] = useState(0);
  const [cell, setCell] = useState<Cell>();
  const sides = SIDES.filter((side) => readings[side]);
  const side = sides.includes(wantedSide) ? wantedSide : sides[0];
  const reading = readings[side]!;
  const vector = Math.min(wantedVector, reading.vectors.length - 1);
  // One scale for both sides, to compare them by eye.
  const end = useMemo(
    () => scaleEnd(sides.flatMap((one) => valuesOf(readings[one]!, vector))),
    [readings, vector],
  );
  const mostKl = useMemo(
    () => scaleEnd(sides.flatMap((one) => readings[one]!.tokens.map(({ kl }) => kl))),
    [readings],
  );
  const at = fitting(cell, reading);
  return html`
    <div class="controls">
      ${h(Sides, { sides, side, onSide: setSide })}
      ${
        reading.vectors.length > 0 &&
        h(Choice, {
          ...{ label: 'Projection on', value: String(vector) },
          choices: reading.vectors.map(
            (name, i) => [String(i), numbered(name, i, reading)] as const,
          ),
          onValue: (value: string) => setVector(Number(value)),
        })
      }
      ${vector >= 0 && h(Legend, { end })}
    </div>
    <p class="hint">Point at a cell, or walk with the arrow keys. A row a token, a column a layer; KL: how far
      steering moves what follows, in nats.</p>
    <div class=${`heat-and-more ${stale ? 'stale' : ''}`}>
      ${h(HeatMap, { reading, vector, end, mostKl, label: labelOf(side, reading, vector), at, onCell: setCell })}
      ${h(Inspector, { reading, vector, cell: at })}
    </div>`;
}

/** Without the first token: attention uses it as a place to rest at, and it points anywhere, far. */
const valuesOf = ({ projections }: Reading, vector: number) =>
  (projections[vector] ?? [])
    .flatMap((values) => values.slice(1))
    .filter((value) => value !== null);

/** A vector that steers twice is told apart by its place. */
const numbered = (name: string, i: number, { vectors }: Reading) =>
  vectors.indexOf(name) === vectors.lastIndexOf(name) ? name : `${name} (${i + 1})`;

const labelOf = (side: Side, { vectors }: Reading, vector: number) =>
  vector < 0
    ? `${SIDE_NAMES[side]}: tokens`
    : `${SIDE_NAMES[side]}: projection on ${vectors[vector]}, tokens by layers`;

/** Where nothing was chosen: the first token of the answer. */
function fitting(cell: Cell | undefined, { tokens, layers, vectors }: Reading): Cell {
  const first = tokens.findIndex(({ part }) => part === 'answer');
  const { token, column } = cell ?? { token: Math.max(0, first), column: layers.length };
  return {
    token: Math.min(token, tokens.length - 1),
    column: Math.min(column, vectors.length ? layers.length : 0),
  };
}

interface SidesProps {
  sides: Side[];
  side: Side;
  onSide(side: Side): void;
}

const Sides = ({ sides, side, onSide }: SidesProps) => html`<fieldset class="sides">
  <legend>Text</legend>
  ${sides.map(
    (
      one,
    ) => html`<label><input type="radio" name="reading-side" value=${one} checked=${one === side}
      onChange=${() => onSide(one)} /> ${SIDE_NAMES[one]}</label>`,
  )}
</fieldset>`;

const Legend = ({ end }: { end: number }) => html`<div class="legend">
  <span>h·u after each block</span>
  <div><span>${shortNumber(-end)}</span><span class="ramp"></span><span>${shortNumber(end)}</span></div>
</div>`;
