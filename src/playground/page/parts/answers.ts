/** The two answers, side by side, as they are written. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { SIDES, type Side } from '../../protocol';
import type { RunState, SideState } from '../useRun';

export const SIDE_NAMES: Record<Side, string> = { unsteered: 'Unsteered', steered: 'Steered' };

export function Answers({ run }: { run: RunState }) {
  return html`<section aria-labelledby="answers-title">
    <h2 id="answers-title" class="for-readers">Answers</h2>
    <div class="answers">
      ${SIDES.map((side) => h(Answer, { side, run, state: run.sides[side] }))}
    </div>
    <p class="for-readers" role="status">${announced(run)}</p>
  </section>`;
}

function Answer({ side, run, state }: { side: Side; run: RunState; state: SideState | undefined }) {
  const box = useRef<HTMLDivElement>(null);
  const text = state?.text ?? '';
  useEffect(() => {
    const { current } = box;
    if (current && run.state === 'running') current.scrollTop = current.scrollHeight;
  }, [text]);
  return html`<article class=${`card answer ${side}`} aria-labelledby=${`${side}-title`}>
    <h3 id=${`${side}-title`}>${SIDE_NAMES[side]}</h3>
    <div class="text" ref=${box} tabindex="0" role="region" aria-label=${`${SIDE_NAMES[side]} answer`}>
      ${text || html`<span class="hint">${placeholder(side, run)}</span>`}
    </div>
    <p class="says">${ending(state, run) || '\u00a0'}</p>
  </article>`;
}

function placeholder(side: Side, { state, steered, sides }: RunState): string {
  if (state === 'running' && sides[side]) return '';
  if (side === 'steered' && sides.unsteered && !steered) return 'Add a vector to steer by.';
  return state === 'none' ? 'Run the prompt to see an answer.' : '';
}

function ending(state: SideState | undefined, run: RunState): string {
  if (!state) return '';
  if (state.end) {
    const { tokens, seconds, reason } = state.end;
    const why = reason === 'stop' ? 'ended by itself' : 'cut at the limit';
    return `${tokens} ${tokens === 1 ? 'token' : 'tokens'} · ${seconds.toFixed(2)} s · ${why}`;
  }
  return { running: 'writing …', stopped: 'stopped', failed: 'broken off', done: '', none: '' }[
    run.state
  ];
}

/** Said once, at the end: a screen reader is not to read each token. */
function announced(run: RunState): string {
  if (run.state === 'stopped') return 'Stopped.';
  if (run.state !== 'done') return '';
  const ends = SIDES.flatMap((side) => {
    const state = run.sides[side];
    return state ? [`${SIDE_NAMES[side]} answer: ${state.text}`] : [];
  });
  return `Done. ${ends.join(' ')}`;
}
