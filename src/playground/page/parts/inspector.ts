/** The chosen cell in words, and what the model found likeliest after its token. */
import { html } from 'htm/preact';
import type { Reading } from '../../protocol';
import { shortNumber, visible } from '../scale';
import type { Cell } from './heatMap';

interface InspectorProps {
  reading: Reading;
  vector: number;
  cell: Cell;
}

export function Inspector({ reading, vector, cell }: InspectorProps) {
  const { text, part, kl, top } = reading.tokens[cell.token];
  const name = reading.vectors[vector];
  const layer = reading.layers[cell.column - 1];
  const told =
    cell.column === 0
      ? `KL of what follows: ${shortNumber(kl)} nats`
      : `layer ${layer}: ${along(reading.projections[vector][cell.column - 1][cell.token], name)}`;
  return html`<div class="inspector">
    <p class="line" aria-live="polite">
      <b class="token">${visible(text)}</b>${' '}
      <span>${part} token ${cell.token}, ${told}</span>
    </p>
    <h3>Likeliest to follow</h3>
    <ol class="likeliest">
      ${top.map(
        (one) => html`<li>
          <span class="token">${visible(one.text)}</span>
          <span class="bar" style=${`--share:${(100 * one.p).toFixed(1)}%`}></span>
          <span class="p">${percent(one.p)}</span>
        </li>`,
      )}
    </ol>
    ${vector >= 0 && html`<p class="hint">KL(steered ‖ unsteered) after this token: ${shortNumber(kl)} nats</p>`}
  </div>`;
}

const along = (value: number | null, name: string) =>
  value === null ? `${name} has no vector there` : `${shortNumber(value)} along ${name}`;

const percent = (p: number) => (p < 0.001 ? '< 0.1 %' : `${(100 * p).toFixed(1)} %`);
