/** A run as it goes on: what both sides have written, and what the model held meanwhile. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Engine, PlayEvent, PlaygroundSettings, Reading, Side } from '../protocol';

export interface SideState {
  text: string;
  end?: { reason: 'stop' | 'length'; tokens: number; seconds: number };
}

type Readings = Partial<Record<Side, Reading>>;

export interface RunState {
  state: 'none' | 'running' | 'done' | 'stopped' | 'failed';
  /** What went wrong, in words. */
  problem?: string;
  sides: Partial<Record<Side, SideState>>;
  /** Those of the run before stay until all new ones are there. */
  readings: Readings;
  coming: Readings;
  /** Whether `readings` are of the run before. */
  stale: boolean;
  steered: boolean;
  /** What it was begun with. */
  settings?: PlaygroundSettings;
}

const NONE: RunState = {
  state: 'none',
  sides: {},
  readings: {},
  coming: {},
  stale: false,
  steered: false,
};

export interface Runner {
  run: RunState;
  /** Begins a run; one that is under way ends. */
  start(settings: PlaygroundSettings): void;
  stop(): void;
  /** Says what keeps a run from beginning. */
  refuse(problem: string): void;
}

export function useRun(engine: Engine): Runner {
  const [run, setRun] = useState<RunState>(NONE);
  const current = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => current.current?.abort(), []);

  function start(settings: PlaygroundSettings) {
    current.current?.abort();
    const controller = new AbortController();
    current.current = controller;
    // What a run says after the next one has begun is nobody's.
    const update = (change: (run: RunState) => RunState) => {
      if (current.current === controller) setRun(change);
    };
    const steered = settings.steer.length > 0;
    setRun(({ readings }) => ({
      ...{ state: 'running', steered, readings, coming: {}, stale: true, settings },
      sides: steered
        ? { unsteered: { text: '' }, steered: { text: '' } }
        : { unsteered: { text: '' } },
    }));
    engine
      .play(settings, (event) => update((run) => after(run, event)), controller.signal)
      .then(
        () =>
          update((run) => ({
            ...shown(run),
            state: controller.signal.aborted ? 'stopped' : 'done',
          })),
        (error: Error) =>
          update((run) => ({ ...shown(run), state: 'failed', problem: error.message })),
      );
  }

  function stop() {
    current.current?.abort();
    setRun((run) => (run.state === 'running' ? { ...run, state: 'stopped' } : run));
  }

  const refuse = (problem: string) => {
    stop();
    setRun((run) => ({ ...run, state: 'failed', problem }));
  };
  return { run, start, stop, refuse };
}

/** A run with what an event adds. */
function after(run: RunState, event: PlayEvent): RunState {
  const { side } = event;
  if (event.type === 'reading') {
    const next = { ...run, coming: { ...run.coming, [side]: event.reading } };
    return Object.keys(next.coming).length < Object.keys(run.sides).length ? next : shown(next);
  }
  const { text, end } = run.sides[side] ?? { text: '' };
  const next: SideState =
    event.type === 'text' ? { text: text + event.text, end } : { text, end: event };
  return { ...run, sides: { ...run.sides, [side]: next } };
}

/** A run that shows the readings that have come, if any. */
const shown = (run: RunState): RunState =>
  Object.keys(run.coming).length ? { ...run, readings: run.coming, stale: false } : run;
