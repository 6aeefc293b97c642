/** The page: it opens an engine, and shows the playground. */
import { html } from 'htm/preact';
import { type ComponentChildren, h, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Engine, PlaygroundInfo } from '../protocol';
import { Playground } from './playground';

export interface AppOptions {
  /** Stands in the head of the page, while the model is opened too: a way to another model. */
  modelPicker?: ComponentChildren;
}

/** Shows the page in `root`; called again, with another engine in place of the first. */
export function startApp(root: HTMLElement, engine: Engine, options: AppOptions = {}): void {
  if (!root.dataset.started) root.replaceChildren();
  root.dataset.started = 'yes';
  render(h(App, { key: keyOf(engine), engine, ...options }), root);
}

const keys = new WeakMap<Engine, number>();
let next = 0;
function keyOf(engine: Engine): number {
  if (!keys.has(engine)) keys.set(engine, next++);
  return keys.get(engine)!;
}

function App({ engine, modelPicker }: AppOptions & { engine: Engine }) {
  const [info, setInfo] = useState<PlaygroundInfo>();
  const [problem, setProblem] = useState<string>();
  const open = () => {
    setProblem(undefined);
    engine.info().then(setInfo, (error: Error) => setProblem(error.message));
  };
  useEffect(open, [engine]);
  return html`
    <header class="top">
      <h1>Tiller <span>playground</span></h1>
      ${
        info &&
        html`<p class="model"><b>${info.model.name}</b>${' '}
        <span>${info.model.nLayers} layers · width ${info.model.dModel} · ${info.model.backend}</span></p>`
      }
      ${modelPicker && html`<div class="picker">${modelPicker}</div>`}
    </header>
    ${
      info
        ? h(Playground, { engine, info })
        : html`<main class="loading">
          ${
            problem === undefined
              ? html`<p role="status">Opening the model …</p>`
              : html`<div role="alert"><p class="problem">${problem}</p></div>
                <button type="button" onClick=${open}>Try again</button>`
          }
        </main>`
    }`;
}
