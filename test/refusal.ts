/** What a user would be told: the message of an InputError, and of nothing else. */
import * as assert from 'uvu/assert';

/** @throws where `act` is not refused, or fails otherwise */
export function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('not refused');
}

/** The same of what takes its time. */
export async function refused(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('not refused');
}

function messageOf(error: unknown): string {
  assert.is((error as Error).name, 'InputError', (error as Error).stack);
  return (error as Error).message;
}
