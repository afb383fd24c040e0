import { libc } from '../../../native/libc.ts';

export const POLLIN = 0x001;
export const POLLPRI = 0x002;
export const POLLERR = 0x008;

/** Descriptors that one thread waits on: an array of struct pollfd { i32 fd; i16 events; i16 revents }. */
export interface PollSet {
  /** Waits until one is ready or the time (milliseconds) has passed; a signal ends the wait early. */
  wait(timeoutMs: number): void;
  /** What the last wait found for this descriptor: POLLIN, POLLPRI, POLLERR; 0 for an unknown one. */
  ready(fd: number): number;
}

export function createPollSet(interests: readonly { readonly fd: number; readonly events: number }[]): PollSet {
  const set = Buffer.alloc(Math.max(8, interests.length * 8));
  const offsets = new Map<number, number>();
  interests.forEach(({ fd, events }, index) => {
    set.writeInt32LE(fd, index * 8);
    set.writeInt16LE(events, index * 8 + 4);
    offsets.set(fd, index * 8);
  });
  return {
    wait(timeoutMs) {
      for (const offset of offsets.values()) set.writeInt16LE(0, offset + 6);
      libc().poll(set, interests.length, timeoutMs);
    },
    ready(fd) {
      const offset = offsets.get(fd);
      return offset === undefined ? 0 : set.readInt16LE(offset + 6);
    },
  };
}
