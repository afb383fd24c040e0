import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { requestStatus } from '../local-api/client.ts';
import { type AgentStatus, LOCAL_SOCKET } from '../local-api/status.ts';
import { DEFAULT_STATE_DIR, parseCommand } from './options.ts';

interface Finding {
  /** `ok`: nothing to do; `warning`: something is not seen or late; `problem`: protection or reporting is broken. */
  readonly level: 'ok' | 'warning' | 'problem';
  readonly code: string;
  readonly message: string;
  /** What to do, where something can be done. */
  readonly remedy?: string;
}

const LOW_SPACE_BYTES = 500_000_000;

/** `doctor [--json] [--state-dir DIR]`: exit 0 without problems, 1 with at least one. */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand('doctor [--json] [--state-dir DIR]', {
    args: [...argv],
    options: { json: { type: 'boolean', default: false }, 'state-dir': { type: 'string', default: DEFAULT_STATE_DIR } },
  });
  if (!parsed.ok) return 2;
  const { values } = parsed.value;
  const findings = await examine(values['state-dir']);
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ findings })}\n`);
  } else {
    for (const { level, code, message, remedy } of findings) {
      process.stdout.write(`${level.padEnd(8)}${code}: ${message}\n${remedy ? `        -> ${remedy}\n` : ''}`);
    }
  }
  return findings.some((finding) => finding.level === 'problem') ? 1 : 0;
}

async function examine(stateDir: string): Promise<readonly Finding[]> {
  if (!existsSync(stateDir)) {
    return [
      {
        level: 'problem',
        code: 'state_missing',
        message: `${stateDir} does not exist or cannot be entered`,
        remedy: 'name the folder with --state-dir, run as root, or enroll this machine first',
      },
    ];
  }
  const answer = await requestStatus(join(stateDir, LOCAL_SOCKET));
  const findings = [space(stateDir)];
  if (answer.ok) return [...findings, ...fromStatus(answer.status)];
  findings.push({
    level: 'problem',
    code: answer.code,
    message: 'the agent does not answer',
    remedy: answer.code === 'not_permitted' ? 'run this as root' : 'start the agent; its log says why it ended',
  });
  return findings;
}

function space(stateDir: string): Finding {
  const { bavail, bsize } = statfsSync(stateDir);
  const free = bavail * bsize;
  const message = `${Math.round(free / 1e6)} MB free for the agent's state`;
  return free < LOW_SPACE_BYTES
    ? { level: 'problem', code: 'disk_low', message, remedy: 'free some space: events are shed when the disk is full' }
    : { level: 'ok', code: 'disk', message };
}

function fromStatus(status: AgentStatus): readonly Finding[] {
  const { health, identity, uplink } = status;
  const findings: Finding[] = health.sensors.map((sensor) => {
    const facts = `${sensor.events} events, ${sensor.lost} lost`;
    if (sensor.state === 'active') return { level: 'ok', code: `sensor_${sensor.name}`, message: facts };
    return {
      level: sensor.state === 'degraded' ? 'warning' : 'problem',
      code: sensor.code ?? `sensor_${sensor.state}`,
      message: `${sensor.name} is ${sensor.state} (${facts})`,
      ...(sensor.detail ? { remedy: sensor.detail } : {}),
    };
  });
  if (!identity.enrolled) {
    findings.push({
      level: 'problem',
      code: identity.code ?? 'not_enrolled',
      message: 'this machine protects itself but reports to nobody',
      remedy: 'make a token in the console and run "yagura-agent enroll --token TOKEN"',
    });
  } else if (uplink.state !== 'connected') {
    findings.push({
      level: 'warning',
      code: uplink.code ?? 'console_unreachable',
      message: `not connected to the console (${uplink.state}); what happens is kept and sent later`,
      remedy: 'check network, proxy and the console',
    });
  } else {
    findings.push({ level: 'ok', code: 'console', message: 'connected' });
  }
  if (status.history) findings.push(aboutHistory(status.history));
  if (health.rules.rejected > 0) {
    findings.push({
      level: 'warning',
      code: 'rules_rejected',
      message: `${health.rules.rejected} rules were not loaded`,
      remedy: 'run "yagura-agent rules check DIR" for file, line and reason',
    });
  }
  for (const { title, ruleId, until } of health.rules.suspended ?? []) {
    findings.push({
      level: 'warning',
      code: 'rule_suspended',
      message: `the rule "${title}" (${ruleId}) took too much time and is left out until ${new Date(until).toISOString()}`,
      remedy: 'disable it in the console (Settings, Detection rules) if it comes back',
    });
  }
  if (health.policy === 'observe') {
    findings.push({
      level: 'warning',
      code: 'policy_observe',
      message: 'the policy only observes: nothing is stopped',
      remedy: 'choose the balanced policy in the console',
    });
  }
  return findings;
}

const HISTORY_CODES: Readonly<Record<string, { readonly level: Finding['level']; readonly remedy: string }>> = {
  disk_low: { level: 'warning', remedy: 'free some space: what happens is sent, but not kept on this machine' },
  history_failed: { level: 'warning', remedy: 'its database cannot be opened; the log of the agent says why' },
  history_off: { level: 'ok', remedy: 'set historyMegabytes in the configuration to keep events on this machine' },
};

function aboutHistory(history: NonNullable<AgentStatus['history']>): Finding {
  const { events, processes, bytes, oldestAt, dropped, code } = history;
  const since = oldestAt === undefined ? '' : ` since ${new Date(oldestAt).toISOString()}`;
  const message = `${events} events and ${processes} processes kept${since}, ${Math.round(bytes / 1e6)} MB, ${dropped} not kept`;
  const trouble = code === undefined ? undefined : HISTORY_CODES[code];
  return {
    level: trouble?.level ?? 'ok',
    code: code ?? 'history',
    message,
    ...(trouble ? { remedy: trouble.remedy } : {}),
  };
}
