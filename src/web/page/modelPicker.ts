import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { formatBytes } from '../../util/units';
import type { Progress } from '../openModel';
import { addressWith, baseOf } from './address';

export interface ModelPickerProps {
  /** Of the model that is being opened. */
  progress?: Progress;
  onFiles(files: File[]): void;
  onOwn(): void;
  /** Whether another model than the page's own is open. */
  isOther: boolean;
  /** As the address has it. */
  backend?: string;
  /** Told the name of a backend, or '' for the page's choice. */
  onBackend(chosen: string): void;
}

/** How far a model has come, and the ways to another one. */
export function ModelPicker(props: ModelPickerProps) {
  const { progress, onFiles, onOwn, isOther, backend, onBackend } = props;
  const [problem, setProblem] = useState('');
  const pick = (event: Event) => {
    const files = [...((event.currentTarget as HTMLInputElement).files ?? [])];
    setProblem('');
    if (files.length) onFiles(files);
  };
  const openAddress = (event: Event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement).get('address');
    try {
      location.href = addressWith(baseOf(String(given), location.href), location.href);
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const coming = progress && progress.loaded < progress.total;
  return html`
    ${
      coming &&
      html`<p class="coming">
      <label>Loading the model <progress value=${progress.loaded} max=${progress.total}></progress></label>
      ${' '}<span class="hint">${formatBytes(progress.loaded)} of ${formatBytes(progress.total)}</span>
    </p>`
    }
    <details class="fold models">
      <summary>Another model</summary>
      <div class="field">
        <label for="model-folder">A folder on this machine</label>
        <input id="model-folder" type="file" webkitdirectory onChange=${pick}
          aria-describedby="model-folder-hint" />
        <p class="hint" id="model-folder-hint">With config.json, tokenizer.json and .safetensors files.
          It is read here, and goes nowhere.</p>
      </div>
      <form class="field" onSubmit=${openAddress}>
        <label for="model-address">An address</label>
        <div class="unit">
          <input id="model-address" name="address" inputmode="url" autocomplete="off" spellcheck=${false}
            placeholder="https://huggingface.co/org/name" aria-invalid=${problem ? 'true' : undefined}
            aria-describedby="model-address-hint" />
          <button type="submit">Open</button>
        </div>
        <p class="hint" id="model-address-hint">Only then does the page ask another server than its own.</p>
        ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      </form>
      <div class="field">
        <label for="model-backend">Runs on</label>
        <select id="model-backend" value=${backend ?? ''}
          onChange=${(event: Event) => onBackend((event.currentTarget as HTMLSelectElement).value)}>
          <option value="">the graphics card, where there is one</option>
          <option value="wasm">the processor (WebAssembly)</option>
          <option value="webgpu">the graphics card (WebGPU)</option>
        </select>
      </div>
      ${isOther && html`<button type="button" onClick=${onOwn}>Back to tiny-gemma2</button>`}
    </details>`;
}
