import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type LiveState, startLiveFeed } from './live-feed.ts';
import { SESSION_KEY } from './session.ts';

/** Connects this page to the live feed: whatever changes on the server is asked for again. */
export function useLive(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => {
    const url = new URL('/api/live', window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const feed = startLiveFeed({
      url: url.href,
      onChanged: (topic) => void client.invalidateQueries({ queryKey: [topic] }),
      onState: (next) => {
        setState(next);
        // A refused feed looks like a lost one; the session's own answer tells them apart.
        if (next === 'lost') void client.invalidateQueries({ queryKey: SESSION_KEY });
      },
    });
    return () => feed.stop();
  }, [client]);
  return state;
}
