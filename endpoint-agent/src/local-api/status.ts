import { Health } from '@yagura/protocol';
import { z } from 'zod';

/** What `status --json` prints: the contract between the service and its local readers. Keys are only added. */
export const AgentStatus = z.object({
  health: Health,
  identity: z.object({
    enrolled: z.boolean(),
    endpointId: z.string().optional(),
    tenantId: z.string().optional(),
    certificateExpiresAt: z.number().optional(),
    code: z.string().optional(),
  }),
  uplink: z.object({ state: z.string(), code: z.string().optional(), since: z.number() }),
  spool: z.object({ epoch: z.string(), lastSequence: z.number() }),
  stories: z.object({ open: z.number() }),
  /** What is kept of events on this machine; absent from agents before it was. */
  history: z
    .object({
      events: z.number(),
      processes: z.number(),
      bytes: z.number(),
      oldestAt: z.number().optional(),
      dropped: z.number(),
      code: z.string().optional(),
    })
    .optional(),
  startedAt: z.number(),
  pid: z.number(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** Requests that the service answers locally. None of them changes anything. */
export const LOCAL_REQUESTS = ['status'] as const;
export type LocalRequest = (typeof LOCAL_REQUESTS)[number];

/** Bytes of one request line. */
export const LOCAL_REQUEST_LIMIT = 256;

/** Name of the socket inside the state folder. */
export const LOCAL_SOCKET = 'agent.sock';
