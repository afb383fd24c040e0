import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { SESSION_KEY } from '../../app/session.ts';
import { APPROVER_KEYS_QUERY } from './use-approver.ts';

const CHANNEL = 'yagura-approver';

/** Tells the other tabs of this browser that it was registered. */
export function announceApprover(): void {
  const channel = new BroadcastChannel(CHANNEL);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel stays within its origin
  channel.postMessage('registered');
  channel.close();
}

/** Takes up a registration that another tab made, so that a dialog that waits for it can go on. */
export function useApproverNews(): void {
  const client = useQueryClient();
  useEffect(() => {
    const channel = new BroadcastChannel(CHANNEL);
    channel.addEventListener('message', () => {
      void client.invalidateQueries({ queryKey: SESSION_KEY });
      void client.invalidateQueries({ queryKey: APPROVER_KEYS_QUERY });
    });
    return () => channel.close();
  }, [client]);
}
