/** Runs something at another time than now: what `new Date()` gives. @param now ISO, local time */
export function atTime<T>(now: string, run: () => T): T {
  const { Date: RealDate } = globalThis;
  globalThis.Date = class extends RealDate {
    constructor(given: number | string = now) {
      super(given);
    }
  } as typeof Date;
  try {
    return run();
  } finally {
    globalThis.Date = RealDate;
  }
}
