import type { ActionOutcome, QuarantineItem } from '@yagura/protocol';
import type { EffectOrder } from '../orders/order-desk.ts';
import type { RulePacks } from '../packs/rule-packs.ts';
import type { Clock } from '../platform/clock.ts';
import type { Responder } from '../responses/responder.ts';
import type { Containment } from './containment.ts';
import { runSafeTest } from './safe-test.ts';

export interface OrderEffects {
  readonly clock: Clock;
  readonly responder: Responder;
  readonly containment: Containment;
  readonly packs: Pick<RulePacks, 'install' | 'clear'>;
  /** Called with the safe test's pid before it can have done anything. */
  readonly onSafeTest: (pid: number) => void;
  /** Why a test would not be seen here; absent when files are watched. */
  readonly blindToTest: () => string | undefined;
  readonly onQuarantineChanged: (items: readonly QuarantineItem[]) => void;
  /** Other rules are in force, or were to be: worth a health report. */
  readonly onRulesChanged: () => void;
}

/** Carries out what a person ordered. Each order is verified and journalled before it comes here. */
export async function executeOrder(order: EffectOrder, effects: OrderEffects): Promise<ActionOutcome> {
  const { clock, responder } = effects;
  const { orderId, action } = order;
  const context = { actionId: orderId, orderId, origin: 'order' } as const;
  const startedAt = clock.now();
  const outcome = (result: Pick<ActionOutcome, 'ok' | 'code'> & Partial<ActionOutcome>): ActionOutcome => ({
    ...context,
    kind: action.kind,
    target: {},
    startedAt,
    endedAt: clock.now(),
    ...result,
  });
  switch (action.kind) {
    case 'test-detection': {
      const blind = effects.blindToTest();
      if (blind !== undefined) return outcome({ ok: false, code: 'unsupported', detail: blind });
      const result = await runSafeTest(startedAt, effects.onSafeTest);
      return result.ok
        ? outcome({ ok: true, code: 'done', target: { pid: result.test.pid, path: result.test.file } })
        : outcome({ ok: false, code: result.code, detail: result.detail });
    }
    case 'restore-file': {
      const restored = await responder.restoreFile(action.quarantineId, context);
      effects.onQuarantineChanged(await responder.listQuarantine());
      return restored;
    }
    case 'delete-quarantined': {
      const deleted = await responder.deleteQuarantined(action.quarantineId, context);
      effects.onQuarantineChanged(await responder.listQuarantine());
      return deleted;
    }
    case 'contain-story':
      return outcome({ ...(await effects.containment.order(action.storyId, orderId)), storyId: action.storyId });
    case 'set-rule-pack': {
      const { kind: _, ...reference } = action;
      const installed = await effects.packs.install(reference, order.endpointId);
      effects.onRulesChanged();
      return outcome({ ...installed, target: { sha256: reference.sha256, size: reference.size } });
    }
    case 'clear-rule-pack': {
      const cleared = effects.packs.clear(order.endpointId);
      effects.onRulesChanged();
      return outcome(cleared);
    }
  }
}
