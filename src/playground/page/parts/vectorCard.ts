/** A vector that acts: where, how, how strongly. */
import { html } from 'htm/preact';
import { h } from 'preact';
import type { EditKindName, Positions } from '../../../engine/steering';
import type { SteerSpec } from '../../../vectors/steerSpec';
import type { PlaygroundInfo, VectorInfo } from '../../protocol';
import { shortNumber } from '../scale';
import {
  complete,
  type FullSpec,
  KIND_MEANINGS,
  normOf,
  ofKind,
  POSITION_MEANINGS,
} from '../steering';
import { Choice, Slider } from './fields';
import { KindParameters } from './kindParameters';

interface VectorCardProps {
  info: PlaygroundInfo;
  spec: SteerSpec;
  /** How many of the same name stand before it. */
  before: number;
  /** Undefined where the other side has none of this name. */
  vector: VectorInfo | undefined;
  /** A change; `done` says that it is not one of many, as a slider's while it moves. */
  onChange(spec: SteerSpec, done: boolean): void;
  onDone(): void;
  onRemove(): void;
}

export function VectorCard(props: VectorCardProps) {
  const { spec, before, vector, onRemove } = props;
  const title = titleOf(spec, vector);
  const called = before ? `${title} (${before + 1})` : title;
  const file = vector?.pairs ? '' : spec.file;
  return html`<li><div class="vector" role="group" aria-label=${`Steering by ${called}`}>
    <div class="title">
      <h3>${title}</h3>
      ${file !== title && html`<span class="says">${file}</span>`}
      <button type="button" class="quiet" aria-label=${`Remove ${called}`} onClick=${onRemove}>Remove</button>
    </div>
    ${vector ? h(Controls, { ...props, vector }) : h(Missing, { file: spec.file })}
  </div></li>`;
}

/** What an edit is called: by its vector's name. */
export const titleOf = (spec: SteerSpec, vector: VectorInfo | undefined) =>
  spec.name ?? vector?.names[0] ?? spec.file;

const Missing = ({ file }: { file: string }) => html`<p class="problem">
  ${file} is not here. Open that file below, or remove it: nothing runs without it.
</p>`;

function Controls({
  info,
  spec: given,
  vector,
  onChange,
  onDone,
}: VectorCardProps & { vector: VectorInfo }) {
  const spec = complete(given, vector);
  const { name, layer, kind } = spec;
  const change = (some: Partial<SteerSpec>, done = true) => onChange({ ...spec, ...some }, done);
  const found = vector.settings[name];
  const norm = normOf(spec, vector);
  // A vector of another layer may act anywhere.
  const layers = spec.source === undefined ? vector.layers : [...Array(info.model.nLayers).keys()];
  const at = layers.indexOf(layer);
  return html`
    ${
      (vector.names.length > 1 || !vector.names.includes(name)) &&
      h(Choice, {
        ...{
          label: 'Vector',
          value: name,
          choices: vector.names.map((one) => [one, one] as const),
        },
        onValue: (one: string) => change({ name: one }),
      })
    }
    ${at < 0 && html`<p class="problem">It has no layer ${layer}: choose one.</p>`}
    ${
      layers.length > 1 &&
      h(Slider, {
        ...{
          label: 'Layer',
          value: Math.max(0, at),
          min: 0,
          max: layers.length - 1,
          step: 1,
          onDone,
        },
        says: `${layer}`,
        onValue: (index) => change({ layer: layers[index] }, false),
      })
    }
    <div class="grid">
      ${h(Choice<EditKindName>, {
        ...{ label: 'Kind', value: kind },
        choices: info.kinds.map((one) => [one, one] as const),
        onValue: (one) => onChange(ofKind(spec, one), true),
      })}
      ${h(Choice<Positions>, {
        ...{ label: 'Positions', value: spec.positions ?? 'all' },
        choices: info.positions.map((one) => [one, POSITION_MEANINGS[one]] as const),
        onValue: (one) => change({ positions: one === 'all' ? undefined : one }),
      })}
    </div>
    <p class="hint">${KIND_MEANINGS[kind]}</p>
    ${h(KindParameters, { spec, vector, norm, onChange: change, onDone })}
    ${h(Further, { spec, onChange: change })}
    ${
      found &&
      !isSame(complete({ file: spec.file, name, ...found }, vector), spec) &&
      html`<button type="button" onClick=${() => onChange({ file: spec.file, name, ...found }, true)}>
      Use the setting a search found <span class="says">layer ${found.layer}, ${kindOf(found)}</span>
    </button>`
    }`;
}

/** Whatever the order of their keys. */
const isSame = (a: FullSpec, b: FullSpec) => sorted(a) === sorted(b);
const sorted = (spec: FullSpec) => JSON.stringify(Object.entries(spec).sort());

const kindOf = ({ kind = 'add', weight }: Partial<SteerSpec>) =>
  weight === undefined
    ? kind
    : `${kind} ${typeof weight === 'number' ? shortNumber(weight) : weight}`;

/** What only a file or a link sets: said, and to be removed. */
function Further({ spec, onChange }: { spec: FullSpec; onChange(some: Partial<SteerSpec>): void }) {
  const { source, when } = spec;
  return html`
    ${
      source !== undefined &&
      html`<p class="note">The vector is that of layer ${source}.
      <button type="button" class="quiet" onClick=${() => onChange({ source: undefined })}>Take the acting layer's</button>
    </p>`
    }
    ${
      when &&
      html`<p class="note">It acts only where ${conditionOf(spec)}.
      <button type="button" class="quiet" onClick=${() => onChange({ when: undefined })}>Let it act everywhere</button>
    </p>`
    }`;
}

function conditionOf({ name, when = {} }: FullSpec): string {
  const what = `the ${when.of ?? 'projection'} on ${when.name ?? name}`;
  const place = when.layer === undefined ? '' : ` after layer ${when.layer}`;
  const threshold =
    when.below !== undefined
      ? `below ${shortNumber(when.below)}`
      : when.above !== undefined
        ? `above ${shortNumber(when.above)}`
        : 'above the middle of its two means';
  return `${what}${place} is ${threshold}${when.at === 'prompt' ? ', at the last prompt token' : ''}`;
}
