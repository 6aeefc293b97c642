import { duration } from '../../../src/util/units';

/**
 * Time left over all steps: the plan's estimates, corrected by how long those took that ran. At first
 * the plan counts most.
 */
export class TimeLeft {
  private readonly begun: number;
  private readonly total: number;

  /** @param seconds estimated for each step */
  constructor(
    private readonly seconds: number[],
    private readonly now = () => performance.now() / 1000,
  ) {
    this.begun = now();
    this.total = seconds.reduce((a, b) => a + b, 0);
  }

  /** `about 12 min 5 s left in all`, before the step of that index. */
  before(step: number): string {
    return `about ${duration(Math.max(1, this.secondsLeft(step)))} left in all`;
  }

  secondsLeft(step: number): number {
    const left = this.seconds.slice(step).reduce((a, b) => a + b, 0);
    const done = this.total - left;
    const trust = 0.05 * this.total + 1;
    return left * ((this.now() - this.begun + trust) / (done + trust));
  }
}
