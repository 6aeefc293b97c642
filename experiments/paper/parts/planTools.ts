import { memoryLimits } from '../../../src/backend';
import { findModel } from '../../../src/hub/fingerprint';
import { findModelFolder } from '../../../src/hub/modelFolder';
import { parseOverride } from '../../../src/runs/config';
import { promptEncoder } from '../../shared/prompts';
import { openBackend, type SessionConfig } from '../../shared/session';
import { modelSize } from './modelSize';
import type { PlanTools } from './plan';
import { measureRates } from './probe';

/**
 * Loads the backend that the settings choose, and measures it.
 * @param rows row counts that rates are wanted for
 * @returns with the backend in words, and the bytes that are free for it; null where not known
 */
export async function openPlanTools(
  overrides: string[],
  rows: number[],
): Promise<PlanTools & { on: string; free: number | null }> {
  const given = new Map(overrides.map(parseOverride).map(({ key, value }) => [key, value]));
  const { name, detail } = await openBackend({
    backend: (given.get('backend') ?? null) as SessionConfig['backend'],
    device: (given.get('device') ?? null) as SessionConfig['device'],
  });
  const limits = memoryLimits().map(({ bytes }) => bytes);
  const sizeOf = remembered((model) => modelSize(findModelFolder(model).dir));
  const filesOf = remembered(findModel);
  const lengths = new Map<string, number>();
  return {
    ...{ backend: name, on: `${name} (${detail})`, sizeOf },
    free: limits.length ? Math.min(...limits) : null,
    rates: await measureRates(rows),
    tokensOf({ model_name, prompt_style }, prompt) {
      const { style, encode } = promptEncoder(filesOf(model_name), { prompt_style, compat: null });
      const key = `${model_name} ${style} ${prompt}`;
      const length = lengths.get(key) ?? encode(prompt).length;
      lengths.set(key, length);
      return length;
    },
  };
}

function remembered<T>(make: (name: string) => T): (name: string) => T {
  const made = new Map<string, T>();
  return (name) => {
    const one = made.get(name) ?? make(name);
    made.set(name, one);
    return one;
  };
}
