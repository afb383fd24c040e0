import { useEffect, useEffectEvent } from 'react';

/** One for the whole page: a channel does not hear itself. */
const channel = new BroadcastChannel('yagura-sign-in');

/** Tells the other tabs of this browser that somebody signed in here, with a new session and often a new key. */
export function announceSignIn(): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel stays within its origin
  channel.postMessage('signed-in');
}

/** Calls back when somebody signed in in another tab: this one has the new session too. */
export function useSignInNews(onSignIn: () => void): void {
  const heard = useEffectEvent(onSignIn);
  useEffect(() => {
    const listener = () => heard();
    channel.addEventListener('message', listener);
    return () => channel.removeEventListener('message', listener);
  }, []);
}
