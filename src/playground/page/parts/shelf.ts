/** All vectors that can steer, and the ways to more of them. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Engine, PlaygroundInfo, VectorInfo } from '../../protocol';
import { save } from '../save';
import { Problem } from './fields';
import { PairsEditor } from './pairsEditor';

interface ShelfProps {
  engine: Engine;
  info: PlaygroundInfo;
  vectors: VectorInfo[];
  onAdd(vector: VectorInfo): void;
  /** A vector that has just come to be; `file` is what its file was called where it was opened. */
  onNew(vector: VectorInfo, file?: string): void;
}

const FROM = { file: 'file', run: 'run', pairs: 'made from pairs' };

export function Shelf({ engine, info, vectors, onAdd, onNew }: ShelfProps) {
  const [problem, setProblem] = useState<string>();
  const guarded = (work: () => Promise<void>) => {
    setProblem(undefined);
    work().catch((error: Error) => setProblem(error.message));
  };
  return html`<div class="shelf">
    <h3 id="shelf-title">Vectors to choose from</h3>
    ${
      vectors.length
        ? html`<ul aria-labelledby="shelf-title">
          ${vectors.map(
            (vector) => html`<li class="item" key=${vector.id}>
              <span class="name">${nameOf(vector)}</span>
              <span class="says">${about(vector)}</span>
              <span class="buttons">
                <button type="button" aria-label=${`Add ${nameOf(vector)}`} onClick=${() => onAdd(vector)}>Add</button>
                ${
                  vector.from === 'pairs' &&
                  html`<button type="button" aria-label=${`Save ${nameOf(vector)}`}
                  onClick=${() => guarded(() => save(engine, vector.id))}>Save</button>`
                }
              </span>
            </li>`,
          )}
        </ul>`
        : html`<p class="hint">None yet. Make one from pairs of prompts, or open a file.</p>`
    }
    ${h(Problem, { text: problem })}
    ${h(OpenFile, {
      onFiles: (files) =>
        guarded(async () => {
          for (const file of files) {
            const bytes = new Uint8Array(await file.arrayBuffer());
            onNew(await engine.addVectorFile(file.name, bytes), file.name);
          }
        }),
    })}
    <details class="fold">
      <summary>Make a vector from pairs</summary>
      ${h(PairsEditor, { engine, methods: info.methods, onMade: (vector) => onNew(vector) })}
    </details>
  </div>`;
}

function OpenFile({ onFiles }: { onFiles(files: File[]): void }) {
  const id = useId();
  return html`<div class="field open">
    <label for=${id}>Open a vector file <span class="says">.safetensors, .gguf, .npz</span></label>
    <input id=${id} type="file" accept=".safetensors,.gguf,.npz" multiple
      onChange=${(event: Event) => {
        const input = event.currentTarget as HTMLInputElement;
        onFiles([...(input.files ?? [])]);
        input.value = '';
      }} />
  </div>`;
}

/** Of those made from pairs, the name that they were given: their file has a longer one. */
const nameOf = ({ id, pairs }: VectorInfo) => pairs?.name ?? id;

function about({ from, names, layers }: VectorInfo): string {
  const whole = layers.length > 1 && layers.at(-1)! - layers[0] === layers.length - 1;
  const which = whole ? `layers ${layers[0]}–${layers.at(-1)}` : `layer ${layers.join(', ')}`;
  const many = names.length > 1 ? `${names.length} vectors, ` : '';
  return `${FROM[from]}, ${many}${which}`;
}
