import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type LiveState, startLiveFeed } from './live-feed.ts';
import { SESSION_KEY } from './session.ts';

/**
 * Signing in anew in another tab ends the session of this one a moment before the browser has the new one's
 * cookie: who asks in between is told that nobody is signed in.
 */
const BEFORE_ASKING_MS = 1_000;

/** Connects this page to the live feed: whatever changes on the server is asked for again. */
export function useLive(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    const url = new URL('/api/live', window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    let asking: ReturnType<typeof setTimeout> | undefined;
    const feed = startLiveFeed({
      url: url.href,
      onChanged: (topic) => void client.invalidateQueries({ queryKey: [topic] }),
      onState: (next) => {
        setState(next);
        // A refused feed looks like a lost one; the session's own answer tells them apart.
        if (next !== 'lost') return;
        clearTimeout(asking);
        asking = setTimeout(() => void client.invalidateQueries({ queryKey: SESSION_KEY }), BEFORE_ASKING_MS);
      },
    });
    return () => {
      clearTimeout(asking);
      feed.stop();
    };
  }, [client]);
  return state;
}
