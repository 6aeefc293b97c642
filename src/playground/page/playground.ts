/** Settings to the one side, answers and what lies behind them to the other. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SteerSpec } from '../../vectors/steerSpec';
import type { Engine, PlaygroundInfo, PlaygroundSettings, VectorInfo } from '../protocol';
import { Answers } from './parts/answers';
import { ExportCard } from './parts/exportCard';
import { PromptCard } from './parts/promptCard';
import { ReadingCard } from './parts/readingCard';
import { RunBar } from './parts/runBar';
import { Shelf } from './parts/shelf';
import { titleOf, VectorCard } from './parts/vectorCard';
import { remake, renamed } from './remake';
import { complete, findVector, newSpec } from './steering';
import { useAddress } from './useAddress';
import { useRun } from './useRun';

export function Playground({ engine, info }: { engine: Engine; info: PlaygroundInfo }) {
  const address = useAddress();
  const { state, change, mark } = address;
  const { settings } = state;
  const [vectors, setVectors] = useState(info.vectors);
  const [problems, setProblems] = useState<string[]>([]);
  const [preparing, setPreparing] = useState(true);
  const runner = useRun(engine);
  // Counts what a run is to follow by itself.
  const [done, setDone] = useState(0);

  // What came from the address: its vectors are made, and what it shows is run.
  useEffect(() => {
    let over = false;
    setPreparing(true);
    remake(engine, vectors, state.made).then(({ made, names, problems }) => {
      if (over) return;
      setVectors((some) => [...some, ...made]);
      setProblems(problems);
      change((all) => renamed(all, names));
      setPreparing(false);
      if (state.auto && (address.given || address.arrivals > 1)) setDone((n) => n + 1);
    });
    return () => {
      over = true;
    };
  }, [address.arrivals]);

  function run() {
    const missing = settings.steer.find(({ file }) => !findVector(vectors, file));
    if (missing) {
      return runner.refuse(
        `${missing.file} is not here. Open that file, or remove it from the vectors.`,
      );
    }
    mark();
    // The browser's history lists it.
    document.title = `${settings.prompt.slice(0, 60)} – Tiller playground`;
    runner.start(asked);
  }
  // As the engine gets it: with what a link leaves open.
  const asked = {
    ...settings,
    steer: settings.steer.map((spec) => {
      const vector = findVector(vectors, spec.file);
      return vector ? complete(spec, vector) : spec;
    }),
  };
  const begun = runner.run.settings;
  const changed = begun !== undefined && JSON.stringify(begun) !== JSON.stringify(asked);

  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    if (!done) return;
    // A key that is held down moves a slider many times.
    const timer = setTimeout(() => latest.current(), 150);
    return () => clearTimeout(timer);
  }, [done]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || preparing) return;
      event.preventDefault();
      run();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });

  const isDone = () => state.auto && setDone((n) => n + 1);
  const changeSettings = (some: Partial<PlaygroundSettings>) =>
    change((all) => ({ ...all, settings: { ...all.settings, ...some } }));
  const changeSteer = (alter: (steer: SteerSpec[]) => SteerSpec[], done: boolean) => {
    change((all) => ({ ...all, settings: { ...all.settings, steer: alter(all.settings.steer) } }));
    if (done) isDone();
  };
  const add = (vector: VectorInfo) => changeSteer((steer) => [...steer, newSpec(vector)], true);
  const take = (vector: VectorInfo, opened?: string) => {
    const { id, pairs } = vector;
    setVectors((some) => [...some.filter((one) => one.id !== id), vector]);
    change((all) => {
      const { steer } = all.settings;
      // One that was missing acts already, perhaps under the name of the file that was opened.
      const called = steer.map((spec) =>
        spec.file === opened && !findVector(vectors, opened) ? { ...spec, file: id } : spec,
      );
      const acts = called.some(({ file }) => file === id);
      const made = pairs
        ? [...all.made.filter((one) => one.id !== id), { id, ...pairs }]
        : all.made;
      const next = acts ? called : [...called, newSpec(vector)];
      return { ...all, made, settings: { ...all.settings, steer: next } };
    });
    isDone();
  };

  const titles = settings.steer.map((spec) => titleOf(spec, findVector(vectors, spec.file)));
  const said = [...address.problems, ...problems, ...address.left.map(tooLarge)];
  return html`<main class="playground">
    <div class="settings">
      ${said.length > 0 && html`<div role="alert">${said.map((text) => html`<p class="problem">${text}</p>`)}</div>`}
      ${h(PromptCard, { model: info.model, settings, onChange: changeSettings })}
      <section class="card" aria-labelledby="vectors-title">
        <h2 id="vectors-title" tabindex="-1">Vectors</h2>
        ${settings.steer.length === 0 && html`<p class="hint">None steers yet: add one, or make one.</p>`}
        <ul class="vectors" aria-label="Vectors that steer">
          ${settings.steer.map((spec, i) =>
            h(VectorCard, {
              ...{ key: `${i} ${spec.file}`, info, spec, vector: findVector(vectors, spec.file) },
              before: titles.slice(0, i).filter((title) => title === titles[i]).length,
              onChange: (next, done) => changeSteer((steer) => steer.with(i, next), done),
              onDone: isDone,
              onRemove: () => {
                changeSteer((steer) => steer.filter((_, j) => j !== i), true);
                // The button in focus goes with its card.
                document.getElementById('vectors-title')?.focus();
              },
            }),
          )}
        </ul>
        ${h(Shelf, { engine, info, vectors, onAdd: add, onNew: take })}
      </section>
      ${h(RunBar, {
        ...{
          run: runner.run,
          changed,
          auto: state.auto,
          preparing,
          onRun: run,
          onStop: runner.stop,
        },
        onAuto: (auto) => change((all) => ({ ...all, auto })),
      })}
    </div>
    <div class="results">
      ${h(Answers, { run: runner.run })} ${h(ReadingCard, { run: runner.run })}
      ${h(ExportCard, { engine, settings: asked })}
    </div>
  </main>`;
}

const tooLarge = (name: string) =>
  `The pairs of ${name} are too long for the address: a link to this page lacks them. Save its file.`;
