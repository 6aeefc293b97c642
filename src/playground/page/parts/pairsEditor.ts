/** Pairs of prompts, typed in, and the vector that is made of them. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import type { Pair } from '../../../vectors/fromPairs';
import type { Engine, PairsOfVector, VectorInfo } from '../../protocol';
import { EXAMPLES } from '../defaults';
import { Choice, Problem, TextField } from './fields';

interface PairsEditorProps {
  engine: Engine;
  methods: readonly PairsOfVector['method'][];
  onMade(vector: VectorInfo): void;
}

const EMPTY: Pair = { positive: '', negative: '' };

export function PairsEditor({ engine, methods, onMade }: PairsEditorProps) {
  const [from, setFrom] = useState<PairsOfVector>({
    name: '',
    method: methods[0],
    pairs: [EMPTY, EMPTY],
  });
  const [state, setState] = useState<{ busy?: boolean; problem?: string; said?: string }>({});
  const nameId = useId();
  const adding = useRef<HTMLButtonElement>(null);
  const change = (some: Partial<PairsOfVector>) => {
    setFrom({ ...from, ...some });
    setState({});
  };
  const changePair = (i: number, some: Partial<Pair>) =>
    change({ pairs: from.pairs.with(i, { ...from.pairs[i], ...some }) });

  function removePair(i: number) {
    change({ pairs: from.pairs.filter((_, j) => j !== i) });
    // The button in focus goes with its pair.
    adding.current?.focus();
  }

  async function make(event: Event) {
    event.preventDefault();
    const made = { ...from, name: from.name.trim(), pairs: from.pairs.filter(isWritten) };
    const problem = problemOf(made);
    if (problem) return setState({ problem });
    setState({ busy: true });
    try {
      onMade(await engine.makeVector(made));
      setState({ said: `${made.name} is made, and steers.` });
    } catch (error) {
      setState({ problem: (error as Error).message });
    }
  }

  return html`<form class="pairs" onSubmit=${make} novalidate>
    <p class="hint">Two prompts of a pair differ in what the vector is to be of: the first one has it.</p>
    <div class="examples" role="group" aria-label="Examples to start from">
      <span>Start from</span>
      ${EXAMPLES.map(
        (example) =>
          html`<button type="button" onClick=${() => change(example)}>${example.name}</button>`,
      )}
    </div>
    <div class="grid">
      <div class="field">
        <label for=${nameId}>Name</label>
        <input id=${nameId} type="text" value=${from.name} autocomplete="off" spellcheck=${false}
          onInput=${(event: Event) => change({ name: (event.currentTarget as HTMLInputElement).value })} />
      </div>
      ${h(Choice<PairsOfVector['method']>, {
        ...{ label: 'Method', value: from.method },
        choices: methods.map((one) => [one, one.replaceAll('_', ' ')] as const),
        onValue: (method) => change({ method }),
      })}
    </div>
    <ol>
      ${from.pairs.map(
        (pair, i) => html`<li><div class="pair" role="group" aria-label=${`Pair ${i + 1}`}>
          ${h(TextField, {
            ...{ label: `Positive ${i + 1}`, value: pair.positive },
            onValue: (positive: string) => changePair(i, { positive }),
          })}
          ${h(TextField, {
            ...{ label: `Negative ${i + 1}`, value: pair.negative },
            onValue: (negative: string) => changePair(i, { negative }),
          })}
          <button type="button" class="quiet" aria-label=${`Remove pair ${i + 1}`}
            disabled=${from.pairs.length === 1}
            onClick=${() => removePair(i)}>Remove</button>
        </div></li>`,
      )}
    </ol>
    <div class="buttons">
      <button type="button" ref=${adding} onClick=${() => change({ pairs: [...from.pairs, EMPTY] })}>Add a pair</button>
      <button type="submit" class="primary" disabled=${state.busy}>
        ${state.busy ? 'Making …' : 'Make the vector'}
      </button>
    </div>
    <p role="status" class="hint">${state.said}</p>
    ${h(Problem, { text: state.problem })}
  </form>`;
}

const isWritten = ({ positive, negative }: Pair) =>
  positive.trim() !== '' || negative.trim() !== '';

function problemOf({ name, pairs }: PairsOfVector): string {
  if (!name) return 'Give the vector a name.';
  if (!pairs.length) return 'Write at least one pair, or start from an example.';
  const half = pairs.findIndex(({ positive, negative }) => !positive.trim() || !negative.trim());
  return half < 0 ? '' : `Pair ${half + 1} has one side only: write the other.`;
}
