/** Begins and ends a run. */
import { html } from 'htm/preact';
import { h } from 'preact';
import type { RunState } from '../useRun';
import { Problem } from './fields';

interface RunBarProps {
  run: RunState;
  /** Whether the settings are others than those of the run. */
  changed: boolean;
  auto: boolean;
  /** Vectors of the address are being made. */
  preparing: boolean;
  onRun(): void;
  onStop(): void;
  onAuto(auto: boolean): void;
}

export function RunBar({ run, changed, auto, preparing, onRun, onStop, onAuto }: RunBarProps) {
  const running = run.state === 'running';
  return html`<div class="run-bar">
    ${h(Problem, { text: run.state === 'failed' ? run.problem : undefined })}
    <div class="buttons">
      <button type="button" class="primary" disabled=${preparing} title="Ctrl+Enter" aria-keyshortcuts="Control+Enter Meta+Enter"
        onClick=${onRun}>Run</button>
      <button type="button" aria-disabled=${running ? undefined : 'true'} onClick=${() => running && onStop()}>Stop</button>
      <label class="check"><input type="checkbox" checked=${auto}
        onChange=${(event: Event) => onAuto((event.currentTarget as HTMLInputElement).checked)} />
        Run on slider release</label>
    </div>
    <p class="hint" role="status">${said(run, changed, preparing)}</p>
  </div>`;
}

function said(run: RunState, changed: boolean, preparing: boolean): string {
  if (preparing) return 'Making the vectors of the address …';
  if (run.state === 'none') return 'Ctrl+Enter runs, too.';
  if (changed) return 'Settings have changed since this run.';
  return { running: 'Running …', done: 'Done.', stopped: 'Stopped.', failed: 'It failed.' }[
    run.state
  ];
}
