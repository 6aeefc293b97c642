/** The same settings for the command line and for the experiments. */
import { html } from 'htm/preact';
import { h } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { Engine, Exported, PlaygroundSettings } from '../../protocol';
import { save } from '../save';
import { Problem } from './fields';

export function ExportCard({ engine, settings }: { engine: Engine; settings: PlaygroundSettings }) {
  const [open, setOpen] = useState(false);
  const [exported, setExported] = useState<Exported>();
  const [problem, setProblem] = useState<string>();
  const key = JSON.stringify(settings);
  useEffect(() => {
    if (!open) return;
    let over = false;
    const timer = setTimeout(() => {
      engine.exportAs(settings).then(
        (value) => {
          if (over) return;
          setExported(value);
          setProblem(undefined);
        },
        (error: Error) => {
          if (over) return;
          setExported(undefined);
          setProblem(error.message);
        },
      );
    }, 200);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [open, key, engine]);
  return html`<section class="card" aria-labelledby="export-title">
    <details class="fold" onToggle=${(event: Event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}>
      <summary><h2 id="export-title">Export</h2> <span class="says">as a command, as an experiment</span></summary>
      ${h(Problem, { text: problem })}
      ${exported && h(Texts, { engine, exported })}
    </details>
  </section>`;
}

function Texts({ engine, exported }: { engine: Engine; exported: Exported }) {
  const [problem, setProblem] = useState<string>();
  const { command, config, run, unsaved } = exported;
  return html`
    ${
      unsaved.length > 0 &&
      html`<div class="note">
      <p>Both name files that lie nowhere yet. Save them where you run:</p>
      <div class="buttons">
        ${unsaved.map(
          (id) => html`<button type="button"
            onClick=${() => save(engine, id).catch((error: Error) => setProblem(error.message))}>Save ${id}</button>`,
        )}
      </div>
      ${h(Problem, { text: problem })}
    </div>`
    }
    ${h(Copied, { title: 'Command', text: command })}
    ${h(Copied, { title: 'Config of the experiment', text: config })}
    ${h(Copied, { title: 'Run it, in a clone of Tiller', text: run })}`;
}

function Copied({ title, text }: { title: string; text: string }) {
  const id = useId();
  const block = useRef<HTMLElement>(null);
  const [said, setSaid] = useState('');
  useEffect(() => setSaid(''), [text]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied.');
    } catch {
      // Pages that do not come from this machine may not write to the clipboard.
      getSelection()?.selectAllChildren(block.current!);
      setSaid('Selected: copy it with the keyboard.');
    }
  }
  return html`<div class="copied">
    <div class="title">
      <h3 id=${id}>${title}</h3>
      <span role="status" class="says">${said}</span>
      <button type="button" aria-label=${`Copy: ${title}`} onClick=${copy}>Copy</button>
    </div>
    <pre tabindex="0" role="region" aria-labelledby=${id}><code ref=${block}>${text}</code></pre>
  </div>`;
}
