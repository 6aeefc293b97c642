/** Lets timers, signals (Ctrl-C) and other requests in: promises alone would not. */
export const yieldNow = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
