import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { endpoints as english } from '../../console/src/web/i18n/en/endpoints.ts';
import { endpoints as japanese } from '../../console/src/web/i18n/ja/endpoints.ts';
import type { Say } from './messages.ts';

const Sensors = z.array(z.object({ name: z.string(), state: z.string(), code: z.string().optional() }));
const Status = z.object({
  identity: z.object({ enrolled: z.boolean(), code: z.string().optional() }),
  uplink: z.object({ state: z.string(), code: z.string().optional() }),
});

/** What only a new enrolment mends. */
const NEEDS_ENROLMENT = new Set([
  'not_enrolled',
  'identity_damaged',
  'certificate_revoked',
  'certificate_expired',
  'gateway_untrusted',
]);

const CONNECT_PATIENCE_MS = 6_000;
const CONNECT_POLL_MS = 500;

/** The console's words for a name; for one that it does not know its general words. */
const word = (words: Readonly<Record<string, string>>, name: string): string =>
  (Object.hasOwn(words, name) ? words[name] : words['other']) ?? name;

/** Says which sensors do not see everything, why, and how to get them: in the console's own words. */
export function reportSensors(sensors: unknown, say: Say): void {
  const parsed = Sensors.safeParse(sensors);
  if (!parsed.success) return;
  const limited = parsed.data.filter(({ state }) => state !== 'active');
  for (const { name, state, code = state } of limited) {
    say(
      `  一部見えていません: ${word(japanese.sensorName, name)} — ${word(japanese.sensorReason, code)}(${name}: ${code})`,
      `  limited sensor: ${word(english.sensorName, name)} — ${word(english.sensorReason, code)} (${name}: ${code})`,
    );
  }
  if (limited.some(({ code }) => code === 'needs_root')) {
    say(
      '  すべてを見守るには、管理者の権限で実行してください: sudo npm start',
      '  To see everything, run as root: sudo npm start',
    );
  }
}

/**
 * Waits a few seconds for the agent to reach the console and says so when it does not: its identity may have
 * been revoked, damaged, or belong to a console whose data is gone.
 */
export async function reportConnection(
  status: () => Promise<unknown>,
  say: Say,
  patienceMs = CONNECT_PATIENCE_MS,
): Promise<void> {
  let last: z.infer<typeof Status> | undefined;
  for (let waited = 0; waited <= patienceMs; waited += CONNECT_POLL_MS) {
    const parsed = Status.safeParse(await status());
    last = parsed.success ? parsed.data : undefined;
    if (last?.uplink.state === 'connected') return;
    await delay(CONNECT_POLL_MS);
  }
  const code = (last?.identity.enrolled === false ? last.identity.code : last?.uplink.code) ?? 'console_unreachable';
  say(
    `  エージェントは管理画面に接続できていません(${code})。見守りは続きます。`,
    `  The agent does not reach the console (${code}); it goes on protecting.`,
  );
  if (code === 'clock_wrong') {
    say('  このパソコンの時計を合わせてください。', "  Set this machine's clock.");
  } else if (NEEDS_ENROLMENT.has(code)) {
    say(
      '  登録し直すには、別の画面で次の2つを実行してください:',
      '  To enrol it again, run these two in another terminal:',
    );
    say(
      '    npx yagura-console token create\n    npx yagura-agent enroll --replace --token トークン',
      '    npx yagura-console token create\n    npx yagura-agent enroll --replace --token TOKEN',
    );
  }
}
