/** Which signals the event at hand has raised. */
export class SignalBoard {
  /** Number of the event; what was raised under another number is forgotten. */
  epoch = 0;
  /** By signal: the event that last raised it. */
  readonly raisedAt: Int32Array;
  /** The signals that this event raised, `count` of them. */
  readonly list: Int32Array;
  count = 0;

  constructor(signals: number) {
    this.raisedAt = new Int32Array(signals);
    this.list = new Int32Array(signals);
  }

  /** Begins the next event. True when the numbers start anew, so that whoever remembers them must forget. */
  begin(): boolean {
    this.count = 0;
    this.epoch += 1;
    if (this.epoch < 0x7fff_ffff) return false;
    this.epoch = 1;
    this.raisedAt.fill(0);
    return true;
  }

  isRaised(signal: number): boolean {
    return this.raisedAt[signal] === this.epoch;
  }

  raise(signal: number): void {
    if (this.raisedAt[signal] === this.epoch) return;
    this.raisedAt[signal] = this.epoch;
    this.list[this.count] = signal;
    this.count += 1;
  }

  raiseAll(signals: readonly number[]): void {
    for (let i = 0; i < signals.length; i += 1) this.raise(signals[i] as number);
  }

  /** A copy of what this event has raised so far. */
  raised(): number[] {
    return Array.from(this.list.subarray(0, this.count));
  }
}
