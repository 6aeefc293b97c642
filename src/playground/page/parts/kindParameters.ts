/** What an edit's kind takes beside a vector: the strength above all, in multiples of its norm. */
import { html } from 'htm/preact';
import { h } from 'preact';
import type { SteerSpec } from '../../../vectors/steerSpec';
import type { VectorInfo } from '../../protocol';
import { MOST_NORMS, multipleOf, shortNumber, weightOf } from '../scale';
import type { FullSpec } from '../steering';
import { Choice, NumberField, Slider } from './fields';

interface KindParametersProps {
  spec: FullSpec;
  vector: VectorInfo;
  /** Of the vector at its layer. */
  norm: number | undefined;
  onChange(some: Partial<SteerSpec>, done?: boolean): void;
  onDone(): void;
}

export function KindParameters(props: KindParametersProps) {
  const { spec, onChange, onDone } = props;
  const box = (key: 'target' | 'min' | 'max', label: string, empty: string) =>
    h(NumberField, {
      ...{ label, empty, value: spec[key], step: 0.1, onDone },
      onValue: (value) => onChange({ [key]: value }, false),
    });
  if (spec.kind === 'add') return h(Strength, props);
  if (spec.kind === 'project') return box('target', 'Target of h·u', 'mean of the positive texts');
  if (spec.kind === 'clamp') {
    const open = spec.min === undefined && spec.max === undefined;
    return html`<div class="grid">
      ${box('min', 'Min of h·u', open ? 'mean of the positive texts' : 'none')}
      ${box('max', 'Max of h·u', 'none')}
    </div>`;
  }
  return spec.kind === 'rotate' ? h(Angle, props) : html``;
}

function Strength({ spec, norm, onChange, onDone }: KindParametersProps) {
  const size = norm ?? 0;
  const multiple = multipleOf(spec.weight ?? '1x', size);
  const most = Math.max(MOST_NORMS, Math.ceil(Math.abs(multiple)));
  const set = (value: number) => onChange({ weight: weightOf(value) }, false);
  const adds = `${shortNumber(multiple)}x`;
  return html`<div class="strength">
    ${h(Slider, {
      ...{ label: 'Strength', value: multiple, min: -most, max: most, step: 0.05, says: adds },
      ...{ onValue: set, onDone },
      hidden: true,
      children: html`<span class="zero" aria-hidden="true"></span>`,
    })}
    ${h(NumberField, {
      ...{
        label: 'In norms',
        value: Number(multiple.toFixed(4)),
        step: 0.05,
        unit: 'x',
        onDone,
      },
      onValue: (value) => value !== undefined && set(value),
    })}
    ${
      norm !== undefined &&
      html`<p class="hint">Norm ${shortNumber(norm)} at layer ${spec.source ?? spec.layer}: adds
      ${' '}${shortNumber(multiple * norm)} · u</p>`
    }
  </div>`;
}

function Angle({ spec, vector, onChange, onDone }: KindParametersProps) {
  const { angle = 0, second, name } = spec;
  const others = vector.names.filter((one) => one !== name);
  const most = second === undefined ? 180 : 360;
  return html`<div>
    ${h(Slider, {
      ...{
        label: 'Angle',
        value: angle,
        min: 0,
        max: most,
        step: 1,
        says: `${shortNumber(angle)}°`,
      },
      ...{ onValue: (value: number) => onChange({ angle: value }, false), onDone },
    })}
    ${
      (others.length > 0 || second !== undefined) &&
      h(Choice, {
        ...{ label: 'Turned towards', value: second ?? '' },
        choices: [['', 'the rest of h'] as const, ...others.map((one) => [one, one] as const)],
        onValue: (one: string) =>
          onChange({ second: one || undefined, ...(!one && angle > 180 && { angle: 180 }) }),
      })
    }
  </div>`;
}
