/** Fields with their labels, hints and what is wrong with what was typed. */
import { html } from 'htm/preact';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { shortNumber } from '../scale';

interface NumberFieldProps {
  label: string;
  value: number | undefined;
  onValue(value: number | undefined): void;
  /** Told when what was typed is left, or stepped. */
  onDone?(): void;
  min?: number;
  max?: number;
  step?: number;
  whole?: boolean;
  /** May be left empty; shown where it is. */
  empty?: string;
  unit?: string;
}

/** A box for a number. What is none, or out of its range, is said below it and goes nowhere. */
export function NumberField(props: NumberFieldProps) {
  const { label, value, onValue, onDone, min, max, step = 1, empty, unit } = props;
  const id = useId();
  const [typed, setTyped] = useState(textOf(value));
  const [problem, setProblem] = useState('');
  useEffect(() => {
    // What stands there may be the same number, written otherwise.
    if (Number(typed) !== value || (typed === '') !== (value === undefined)) {
      setTyped(textOf(value));
      setProblem('');
    }
  }, [value]);
  function input(event: Event) {
    const field = event.currentTarget as HTMLInputElement;
    setTyped(field.value);
    const wrong = field.validity.badInput ? 'This is no number.' : problemOf(field.value, props);
    setProblem(wrong);
    if (!wrong) onValue(field.value === '' ? undefined : Number(field.value));
  }
  return html`<div class="field number">
    <label for=${id}>${label}</label>
    <div class="unit">
      <input id=${id} type="number" inputmode="decimal" value=${typed} step=${step} min=${min} max=${max}
        placeholder=${empty} aria-invalid=${problem ? 'true' : undefined}
        aria-describedby=${problem ? `${id}-problem` : undefined}
        onInput=${input} onChange=${() => !problem && onDone?.()} />
      ${unit && html`<span>${unit}</span>`}
    </div>
    ${problem && html`<p class="problem" id=${`${id}-problem`}>${problem}</p>`}
  </div>`;
}

const textOf = (value: number | undefined) => (value === undefined ? '' : String(value));

function problemOf(text: string, { min, max, whole, empty }: NumberFieldProps): string {
  if (text === '') return empty === undefined ? 'A number is needed.' : '';
  const value = Number(text);
  if (!Number.isFinite(value)) return 'This is no number.';
  if (whole && !Number.isInteger(value)) return 'A whole number is needed.';
  const low = min !== undefined && value < min;
  if (!low && !(max !== undefined && value > max)) return '';
  if (max === undefined) return `At least ${min}.`;
  return min === undefined ? `At most ${max}.` : `From ${shortNumber(min)} to ${shortNumber(max)}.`;
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  /** With what is shown of each. */
  choices: readonly (readonly [value: T, text: string])[];
  onValue(value: T): void;
}

export function Choice<T extends string>({ label, value, choices, onValue }: ChoiceProps<T>) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} value=${value}
      onChange=${(event: Event) => onValue((event.currentTarget as HTMLSelectElement).value as T)}>
      ${choices.map(([one, text]) => html`<option value=${one} selected=${one === value}>${text}</option>`)}
    </select>
  </div>`;
}

interface SliderProps {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  /** The value in words, beside the label and for screen readers. */
  says: string;
  /** It is not shown: a box beside it has the number. */
  hidden?: boolean;
  onValue(value: number): void;
  /** Told when it is let go. */
  onDone(): void;
  children?: ComponentChildren;
}

export function Slider({
  hidden,
  label,
  value,
  min,
  max,
  step,
  says,
  onValue,
  onDone,
  children,
}: SliderProps) {
  const id = useId();
  return html`<div class="field slider">
    <div class="labels"><label for=${id}>${label}</label>${!hidden && html`<output for=${id}>${says}</output>`}</div>
    <div class="track">
      <input id=${id} type="range" min=${min} max=${max} step=${step} value=${value} aria-valuetext=${says}
        onInput=${(event: Event) => onValue(Number((event.currentTarget as HTMLInputElement).value))}
        onChange=${onDone} />
      ${children}
    </div>
  </div>`;
}

interface TextFieldProps {
  label: string;
  value: string;
  onValue(text: string): void;
  rows?: number;
  hint?: string;
  disabled?: boolean;
}

export function TextField({ label, value, onValue, rows = 2, hint, disabled }: TextFieldProps) {
  const id = useId();
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <textarea id=${id} rows=${rows} value=${value} disabled=${disabled} spellcheck=${false}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onInput=${(event: Event) => onValue((event.currentTarget as HTMLTextAreaElement).value)} />
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
  </div>`;
}

/** What went wrong, near what caused it; read out when it appears. */
export function Problem({ text }: { text: string | undefined }) {
  return html`<div role="alert">${text && html`<p class="problem">${text}</p>`}</div>`;
}
