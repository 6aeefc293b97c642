/** What the model is asked, and how its answer is drawn. */
import { html } from 'htm/preact';
import { h } from 'preact';
import type { PlaygroundInfo, PlaygroundSettings } from '../../protocol';
import { shortNumber } from '../scale';
import { Choice, NumberField, TextField } from './fields';

interface PromptCardProps {
  model: PlaygroundInfo['model'];
  settings: PlaygroundSettings;
  onChange(change: Partial<PlaygroundSettings>): void;
}

const STYLES = { chat: 'chat template', qa: 'Q: … A:', raw: 'the text as it is' };

export function PromptCard({ model, settings, onChange }: PromptCardProps) {
  const style = settings.style ?? model.styles[0];
  return html`<section class="card" aria-labelledby="prompt-title">
    <h2 id="prompt-title">Prompt</h2>
    ${h(TextField, {
      ...{ label: 'Prompt', value: settings.prompt, rows: 3 },
      onValue: (prompt: string) => onChange({ prompt }),
    })}
    ${
      (model.takesSystem || settings.system) &&
      h(TextField, {
        ...{ label: 'System prompt', value: settings.system ?? '', rows: 1 },
        hint: model.takesSystem ? undefined : 'This model takes no system prompt: empty it.',
        onValue: (system: string) => onChange({ system: system || undefined }),
      })
    }
    ${h(Decoding, { model, settings, style, onChange })}
  </section>`;
}

function Decoding({
  model,
  settings,
  style,
  onChange,
}: PromptCardProps & { style: keyof typeof STYLES }) {
  const { maxNewTokens, temperature, topP, seed } = settings;
  const how =
    temperature === 0 ? 'greedy' : `temperature ${shortNumber(temperature)}, seed ${seed}`;
  return html`<details class="fold">
    <summary>Decoding <span class="says">up to ${maxNewTokens} tokens, ${how}</span></summary>
    <div class="grid">
      ${h(NumberField, {
        ...{
          label: 'Max tokens',
          value: maxNewTokens,
          min: 1,
          max: model.maxPositions,
          whole: true,
        },
        onValue: (value) => value !== undefined && onChange({ maxNewTokens: value }),
      })}
      ${h(NumberField, {
        ...{ label: 'Temperature (0: greedy)', value: temperature, min: 0, max: 5, step: 0.1 },
        onValue: (value) => value !== undefined && onChange({ temperature: value }),
      })}
      ${h(NumberField, {
        ...{ label: 'Top-p', value: topP, min: 0.01, max: 1, step: 0.05 },
        onValue: (value) => value !== undefined && onChange({ topP: value }),
      })}
      ${h(NumberField, {
        ...{ label: 'Seed', value: seed, min: 0, max: 2 ** 32 - 1, whole: true },
        onValue: (value) => value !== undefined && onChange({ seed: value }),
      })}
    </div>
    ${
      model.styles.length > 1 &&
      h(Choice<keyof typeof STYLES>, {
        ...{ label: 'How the prompt becomes text', value: style },
        choices: model.styles.map((one) => [one, STYLES[one]] as const),
        onValue: (one) => onChange({ style: one === model.styles[0] ? undefined : one }),
      })
    }
  </details>`;
}
