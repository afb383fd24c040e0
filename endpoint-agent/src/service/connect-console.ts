import { hostname } from 'node:os';
import type { ActionOutcome } from '@yagura/protocol';
import { type Identity, loadIdentity, validityOf } from '../identity/identity.ts';
import { createIdentityStore } from '../identity/identity-store.ts';
import type { AgentStatus } from '../local-api/status.ts';
import { createOrderDesk, type OrderDesk } from '../orders/order-desk.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { AGENT_VERSION } from '../platform/version.ts';
import type { Spool } from '../spool/spool.ts';
import { createUplink } from '../uplink/create-uplink.ts';
import type { Uplink } from '../uplink/uplink.ts';
import type { JudgedTime } from './judged-time.ts';
import { executeOrder, type OrderEffects } from './orders.ts';
import type { Settings } from './settings.ts';

const LOOK_AGAIN_MS = 5_000;
/** How often the time is written down by which settings end. */
const REMEMBER_MS = 600_000;

export interface ConsoleLinkParts {
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Spool;
  readonly settings: Settings;
  /** What the responder found unfinished from a former run. */
  readonly recovered: readonly ActionOutcome[];
  readonly effects: OrderEffects;
  readonly report: (outcome: ActionOutcome) => void;
  readonly judgedTime: JudgedTime;
  readonly onConnected: () => void;
}

/** Everything between this machine and its console: identity, session and orders. */
export interface ConsoleLink {
  /** Keeps a session as long as the signal allows; waits for an enrolment where there is none yet. */
  run(signal: AbortSignal): Promise<void>;
  status(): AgentStatus['uplink'];
  identity(): AgentStatus['identity'];
  /** Call about every second: forgets settings that have ended (SPEC CM15). */
  tick(): void;
}

export function connectConsole(parts: ConsoleLinkParts): ConsoleLink {
  const { stateDir, clock, log, spool, settings, judgedTime } = parts;
  const waitingSince = clock.now();
  let uplink: Uplink | undefined;
  let desk: OrderDesk | undefined;
  let problem: string | undefined;
  let inForceBefore = 0;
  let rememberedAt = clock.monotonic();
  // What people had set holds from the first event on, with or without a session.
  let opened = open();

  function open(): { readonly identity: Identity } | undefined {
    const loaded = loadIdentity(stateDir);
    if (!loaded.ok) {
      if (problem !== loaded.code) log.warn({ code: loaded.code }, 'not connected to a console');
      problem = loaded.code;
      return undefined;
    }
    const { identity } = loaded;
    const created = createOrderDesk({
      stateDir,
      endpointId: identity.endpointId,
      tenantId: identity.tenantId,
      orderKey: identity.orderKey,
      clock,
      log,
      execute: (order) => executeOrder(order, parts.effects),
      report: parts.report,
      onSettings: (ordered) => settings.replace(ordered),
    });
    if (!created.ok) {
      log.warn({ code: created.code }, created.message);
      problem = created.code;
      return undefined;
    }
    const opened = created.desk;
    desk = opened;
    judgedTime.atLeast(opened.issuedFloor());
    judgedTime.remember(opened.timeSeen());
    settings.replace(opened.settings());
    opened.reconcile(parts.recovered);
    uplink = createUplink({
      identity: createIdentityStore(stateDir, identity),
      spool,
      clock,
      random: systemRandom,
      log,
      hello: { agentVersion: AGENT_VERSION, platform: 'linux', hostname: hostname().slice(0, 256) },
      onOrder: async (signed, consoleNow) => {
        const receipt = await opened.receive(signed, consoleNow);
        judgedTime.atLeast(opened.issuedFloor());
        return receipt;
      },
      onConnected: (consoleNow) => {
        judgedTime.state(consoleNow);
        parts.onConnected();
      },
    });
    problem = undefined;
    return { identity };
  }

  return {
    async run(signal) {
      while (opened === undefined && !signal.aborted) {
        await pause(LOOK_AGAIN_MS, signal);
        if (!signal.aborted) opened = open();
      }
      await uplink?.run(signal);
    },
    tick() {
      if (judgedTime.isVouched()) desk?.forgetEnded(judgedTime.now());
      // At once when something has ended, so that a clock that is set back cannot bring it to life.
      const inForce = settings.tuningHealth().inForce;
      if (inForce === inForceBefore && clock.monotonic() - rememberedAt < REMEMBER_MS) return;
      inForceBefore = inForce;
      rememberedAt = clock.monotonic();
      const now = judgedTime.now();
      judgedTime.remember(now);
      desk?.rememberTime(now);
    },
    status() {
      if (uplink === undefined)
        return { state: 'not_enrolled', since: waitingSince, ...(problem ? { code: problem } : {}) };
      const { state, code, since } = uplink.status();
      return { state, since, ...(code === undefined ? {} : { code }) };
    },
    identity() {
      if (opened === undefined) return { enrolled: false, ...(problem ? { code: problem } : {}) };
      const { endpointId, tenantId, certificate } = opened.identity;
      return { enrolled: true, endpointId, tenantId, certificateExpiresAt: validityOf(certificate).notAfter };
    },
  };
}

/** Ends early, without an error, when the signal is given. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
