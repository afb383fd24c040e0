import { type KeyObject, verify } from 'node:crypto';
import { ORDER_KINDS, ORDER_SIGNATURE_CONTEXT, Order, type OrderRefusal, SESSION, SignedOrder } from '@yagura/protocol';
import { z } from 'zod';

export interface OrderToVerify {
  readonly signed: unknown;
  readonly orderKey: KeyObject;
  readonly endpointId: string;
  readonly tenantId: string;
  /** The highest counter that was accepted so far. */
  readonly lastCounter: number;
  /** Milliseconds since the epoch, by the time that validity is judged by (SPEC CM9). */
  readonly now: number;
}

/** `order` comes with a refusal too, once the signature holds: it names what was refused. */
export type OrderVerdict =
  | { ok: true; order: Order }
  | { ok: false; code: OrderRefusal; order?: Pick<Order, 'orderId' | 'action'> };

/** Enough to say that the signer asked for something that this build does not know. */
const UnknownAction = z.object({ action: z.object({ kind: z.string() }) });

/**
 * Judges an order by SPEC CM3, in exactly that order: nothing of the payload is parsed before the
 * signature over its bytes holds. Pure; never throws, whatever came.
 */
export function verifyOrder({ signed, orderKey, endpointId, tenantId, lastCounter, now }: OrderToVerify): OrderVerdict {
  const envelope = SignedOrder.safeParse(signed);
  if (!envelope.success) return { ok: false, code: 'order_malformed' };
  const payload = decodeBase64(envelope.data.payload);
  const signature = decodeBase64(envelope.data.signature);
  if (payload === undefined || signature?.length !== 64) return { ok: false, code: 'order_malformed' };
  if (!verify(null, Buffer.concat([Buffer.from(ORDER_SIGNATURE_CONTEXT), payload]), orderKey, signature)) {
    return { ok: false, code: 'order_signature' };
  }

  const json = parseJson(payload);
  const parsed = Order.safeParse(json);
  if (!parsed.success) {
    const unknown = UnknownAction.safeParse(json);
    const known = !unknown.success || (ORDER_KINDS as readonly string[]).includes(unknown.data.action.kind);
    return { ok: false, code: known ? 'order_malformed' : 'order_unsupported' };
  }
  const order = parsed.data;
  const refuse = (code: OrderRefusal): OrderVerdict => ({ ok: false, code, order });
  if (order.tenantId !== tenantId || order.endpointId !== endpointId) return refuse('order_foreign');
  if (!isValidAt(order, now)) return refuse('order_expired');
  if (order.counter <= lastCounter) return refuse('order_replayed');
  return { ok: true, order };
}

function isValidAt({ issuedAt, expiresAt }: Order, now: number): boolean {
  return (
    expiresAt > now &&
    issuedAt <= now + SESSION.orderClockTolerance &&
    expiresAt > issuedAt &&
    expiresAt - issuedAt <= SESSION.orderLifetime
  );
}

/** Canonical base64 only: one order has one spelling. */
function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
