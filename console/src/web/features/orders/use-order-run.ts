import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { OrderAction } from '@yagura/protocol';
import { useId, useMemo, useState } from 'react';
import type { OrderRow } from '../../../api/index.ts';
import { callApi } from '../../api-client.ts';
import { type Approver, approveAll, type OrderRequest } from './approve.ts';
import { followOrders, isFinal } from './follow-orders.ts';

/** As many as one call may carry. */
const BATCH = 100;

export interface OrderRun {
  readonly place: (requests: readonly OrderRequest[], approver: Approver) => void;
  readonly phase: 'idle' | 'placing' | 'running' | 'ended' | 'failed';
  readonly orders: readonly OrderRow[];
  /** What a placed order is about, where the request said so. */
  readonly subjectOf: (order: OrderRow) => string | undefined;
  readonly error: unknown;
  readonly reset: () => void;
}

/** Compares by what distinguishes two orders of one dialog: the kind and what it acts on. */
function sameAction(a: OrderAction, b: OrderAction): boolean {
  if (a.kind !== b.kind) return false;
  return 'quarantineId' in a && 'quarantineId' in b ? a.quarantineId === b.quarantineId : true;
}

/** The last news of each placed order: those that have had some in the order of that news, then the others. */
function latest(placed: readonly OrderRow[], followed: readonly OrderRow[] = []): OrderRow[] {
  const mine = new Set(placed.map((row) => row.orderId));
  const known = new Set(followed.map((row) => row.orderId));
  return [...followed.filter((row) => mine.has(row.orderId)), ...placed.filter((row) => !known.has(row.orderId))];
}

/** Places orders and follows them until each has its outcome; the live feed brings the news. */
export function useOrderRun(): OrderRun {
  const client = useQueryClient();
  const [placed, setPlaced] = useState<readonly OrderRow[]>([]);
  const [requested, setRequested] = useState<readonly OrderRequest[]>([]);
  const mutation = useMutation({
    mutationFn: async ({ requests, approver }: { requests: readonly OrderRequest[]; approver: Approver }) => {
      const all: OrderRow[] = [];
      for (let from = 0; from < requests.length; from += BATCH) {
        const approvals = await approveAll(requests.slice(from, from + BATCH), approver);
        const { orders } = await callApi('placeOrders', { body: { approvals } });
        all.push(...orders);
        setPlaced([...all]);
      }
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['orders'] }),
  });
  const waiting = placed.length > 0;
  const queryKey = ['orders', 'run', useId()];
  const followed = useQuery({
    queryKey,
    queryFn: ({ signal }) =>
      followOrders(latest(placed, client.getQueryData<readonly OrderRow[]>(queryKey)), {
        newest: async () => (await callApi('listOrders', { query: { limit: 200 } }, signal)).items,
        one: (orderId) => callApi('getOrder', { params: { orderId } }, signal),
      }),
    enabled: waiting,
    // The feed may be down just now: a person who waits is worth a question now and then.
    refetchInterval: ({ state }) => (latest(placed, state.data).every(isFinal) ? false : 3_000),
  });
  const orders = useMemo(() => {
    const byId = new Map(followed.data?.map((row) => [row.orderId, row]));
    return placed.map((row) => byId.get(row.orderId) ?? row);
  }, [placed, followed.data]);

  let phase: OrderRun['phase'] = 'idle';
  if (mutation.isPending) phase = 'placing';
  else if (mutation.isError) phase = 'failed';
  else if (waiting) phase = orders.every(isFinal) ? 'ended' : 'running';
  return {
    subjectOf: (order) =>
      requested.find(({ endpointId, action }) => endpointId === order.endpointId && sameAction(action, order.action))
        ?.subject,
    place: (requests, approver) => {
      setRequested(requests);
      mutation.mutate({ requests, approver });
    },
    phase,
    orders,
    error: mutation.error,
    reset: () => {
      mutation.reset();
      setPlaced([]);
    },
  };
}
