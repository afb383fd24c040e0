import type { Batch, Event, Health, Item } from '@yagura/protocol';

/**
 * What an ordinary Linux PC reports, in the proportions of one at work: mostly processes and connections,
 * some files and names. Values differ from event to event so that compression is not flattered.
 */
const COMMANDS = [
  ['/usr/bin/git', 'git -c core.fsmonitor=false status --porcelain=v2 --branch'],
  ['/usr/bin/python3.11', 'python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait-for-signal'],
  ['/usr/bin/dash', 'sh -c "test -x /usr/sbin/anacron || run-parts --report /etc/cron.hourly"'],
  ['/usr/lib/firefox/firefox', '/usr/lib/firefox/firefox -contentproc -childID 17 -isForBrowser -prefsLen 31208'],
  ['/usr/bin/node', 'node /home/tanaka/projects/kanri/node_modules/.bin/vite --host 127.0.0.1'],
] as const;

/** Makes events number `sequence` of an endpoint; the same number gives the same event. */
export function simulatedEvent(endpoint: string, sequence: number, now: number): Event {
  const [image, command] = COMMANDS[sequence % COMMANDS.length] ?? COMMANDS[0];
  const pid = 1_000 + ((sequence * 7) % 60_000);
  const common = {
    eventId: `${endpoint}.${sequence}`,
    time: now,
    bootTime: sequence * 10,
    entityId: `p${pid}.${sequence}`,
  };
  switch (sequence % 8) {
    case 5:
    case 6:
      return {
        ...common,
        logsource: { product: 'linux', category: 'network_connection' },
        fields: {
          Image: image,
          ProcessId: pid,
          User: 'tanaka',
          Protocol: 'tcp',
          DestinationIp: `203.0.113.${sequence % 250}`,
          DestinationPort: 443,
          Initiated: 'true',
        },
      };
    case 7:
      return {
        ...common,
        logsource: { product: 'linux', category: 'file_event' },
        fields: {
          Image: image,
          ProcessId: pid,
          User: 'tanaka',
          TargetFilename: `/home/tanaka/.cache/app/${sequence}.tmp`,
        },
      };
    default:
      return {
        ...common,
        parentEntityId: `p${pid - 1}.1`,
        logsource: { product: 'linux', category: 'process_creation' },
        fields: {
          Image: image,
          CommandLine: `${command} --run=${sequence}`,
          CurrentDirectory: '/home/tanaka',
          User: 'tanaka',
          ProcessId: pid,
          ParentProcessId: pid - 1,
          ParentImage: '/usr/bin/bash',
          ParentCommandLine: '-bash',
        },
      };
  }
}

export function simulatedHealth(now: number): Health {
  return {
    time: now,
    agentVersion: 'simulated',
    policy: 'balanced',
    sensors: [{ name: 'simulated', state: 'active', events: 0, lost: 0 }],
    rules: { loaded: 0, rejected: 0 },
    spool: { alerts: 0, telemetry: 0, bytes: 0, shed: 0 },
    suppressed: 0,
    exclusionsVersion: 0,
  };
}

export function batchFrom(batchId: number, epoch: string, items: readonly Item[], now: number): Batch {
  return { batchId, epoch, sentAt: now, items: [...items] };
}
