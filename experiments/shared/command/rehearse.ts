import type { Command } from './commandLine';
import type { PlannedWork } from './plannedWork';

/**
 * What `act` would do, without a word: it fails where that would fail early.
 * @returns what it would compute
 */
export async function rehearse(
  act: (command: Command) => Promise<unknown>,
  command: Command,
): Promise<PlannedWork[]> {
  const planned: PlannedWork[] = [];
  const others = command.overrides.filter((word) => !/^([\w-]+\.)?dry_run=/.test(word));
  const dry = { ...command, overrides: [...others, 'dry_run=true'] };
  await silently(() => act({ ...dry, plans: (work) => planned.push(work) }));
  return planned;
}

/** Keeps what `act` prints to itself. */
export async function silently<T>(act: () => Promise<T>): Promise<T> {
  const { log } = console;
  console.log = () => {};
  try {
    return await act();
  } finally {
    console.log = log;
  }
}

/** The same of what is done at once: nothing comes between, however many are under way. */
export function silentlyNow<T>(act: () => T): T {
  const { log } = console;
  console.log = () => {};
  try {
    return act();
  } finally {
    console.log = log;
  }
}
