import { useQuery } from '@tanstack/react-query';
import { useSession } from '../../app/session.ts';
import type { Approver } from './approve.ts';
import { listApproverKeys, type StoredApproverKey } from './approver-key-store.ts';

export type ApproverState =
  | { readonly state: 'loading' }
  /** No key here, or none that the signer knows for this person. */
  | { readonly state: 'missing'; readonly reason: 'unregistered' | 'insecure_context' | 'key_storage' }
  | { readonly state: 'ready'; readonly approver: Approver; readonly createdAt: number };

export const APPROVER_KEYS_QUERY = ['approver-keys'] as const;

/** Whether the person at this browser can approve orders, and with which key. */
export function useApprover(): ApproverState {
  const session = useSession();
  const keys = useQuery({
    queryKey: APPROVER_KEYS_QUERY,
    queryFn: listApproverKeys,
    retry: false,
    refetchInterval: false,
  });
  if (globalThis.crypto?.subtle === undefined) return { state: 'missing', reason: 'insecure_context' };
  if (keys.isPending) return { state: 'loading' };
  if (keys.isError) return { state: 'missing', reason: 'key_storage' };
  const key = keys.data.find(
    (each: StoredApproverKey) =>
      each.userId === session.user.userId &&
      each.tenantId === session.tenant.tenantId &&
      session.approverKeyIds.includes(each.keyId),
  );
  if (key === undefined) return { state: 'missing', reason: 'unregistered' };
  return {
    state: 'ready',
    approver: { tenantId: key.tenantId, keyId: key.keyId, privateKey: key.privateKey },
    createdAt: key.createdAt,
  };
}
