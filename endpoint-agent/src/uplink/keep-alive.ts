import type { WebSocket } from 'ws';
import type { Clock } from '../platform/clock.ts';

/**
 * Pings after silence and calls `dead` once nothing at all came for too long (SPEC UP12). Returns a
 * function that ends it. Measured on the monotonic clock.
 */
export function keepAlive(
  socket: WebSocket,
  clock: Clock,
  timing: { readonly pingInterval: number; readonly deadPeerTimeout: number },
  dead: () => void,
): () => void {
  let heard = clock.monotonic();
  let cancel: (() => void) | undefined;
  const hear = (): void => {
    heard = clock.monotonic();
  };
  const look = (): void => {
    const silence = clock.monotonic() - heard;
    if (silence >= timing.deadPeerTimeout) return dead();
    if (silence >= timing.pingInterval && socket.readyState === socket.OPEN) socket.ping();
    cancel = clock.after(Math.max(1, timing.pingInterval / 2), look);
  };
  socket.on('message', hear).on('ping', hear).on('pong', hear);
  cancel = clock.after(timing.pingInterval, look);
  return () => {
    cancel?.();
    socket.off('message', hear).off('ping', hear).off('pong', hear);
  };
}
