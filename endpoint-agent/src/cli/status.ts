import { join } from 'node:path';
import { requestStatus, type StatusResult } from '../local-api/client.ts';
import { LOCAL_SOCKET } from '../local-api/status.ts';
import { complain, DEFAULT_STATE_DIR, parseCommand } from './options.ts';

const ADVICE: Record<Extract<StatusResult, { ok: false }>['code'], string> = {
  agent_not_running:
    'no agent answers here. Start it with "npm start" or "yagura-agent run --config FILE", or name its folder with --state-dir.',
  not_permitted: "the agent's socket belongs to another user. Run this as root.",
  agent_silent: 'the agent does not answer. Its log says why.',
  answer_malformed: 'the answer is not of this version. Restart the agent after an update.',
};

/** `status [--json] [--state-dir DIR]`: exit 0 when the agent answers, 1 when not. */
export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseCommand('status [--json] [--state-dir DIR]', {
    args: [...argv],
    options: { json: { type: 'boolean', default: false }, 'state-dir': { type: 'string', default: DEFAULT_STATE_DIR } },
  });
  if (!parsed.ok) return 2;
  const { values } = parsed.value;
  const result = await requestStatus(join(values['state-dir'], LOCAL_SOCKET));
  if (!result.ok) {
    complain(result.code, ADVICE[result.code]);
    return 1;
  }
  const { status } = result;
  if (values.json) {
    process.stdout.write(`${JSON.stringify(status)}\n`);
    return 0;
  }
  const { health } = status;
  const lines = [
    `agent ${health.agentVersion}, pid ${status.pid}, policy ${health.policy}`,
    `console: ${status.uplink.state}${status.uplink.code ? ` (${status.uplink.code})` : ''}`,
    `identity: ${status.identity.enrolled ? status.identity.endpointId : `not enrolled (${status.identity.code ?? 'not_enrolled'})`}`,
    `rules: ${health.rules.loaded} loaded, ${health.rules.rejected} rejected`,
    `spool: ${health.spool.alerts} alerts and ${health.spool.telemetry} events waiting, ${health.spool.shed} shed`,
    ...health.sensors.map(
      (sensor) =>
        `sensor ${sensor.name}: ${sensor.state}, ${sensor.events} events, ${sensor.lost} lost${sensor.detail ? `: ${sensor.detail}` : ''}`,
    ),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
