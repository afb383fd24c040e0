import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiClient, signIn } from '../support/api-client.ts';
import { type LocalInstallation, startLocalInstallation } from '../support/local-installation.ts';
import { eventually } from '../support/wait.ts';
import { BEHAVIOURS } from './behaviours.ts';

const cannot = process.platform !== 'linux' || process.getuid?.() !== 0 ? 'needs root on Linux' : undefined;

describe.skipIf(cannot !== undefined)(`real behaviour on the live agent${cannot ? ` (${cannot})` : ''}`, () => {
  let installation: LocalInstallation;
  let person: ApiClient;
  let endpointId: string;

  beforeAll(async () => {
    installation = await startLocalInstallation();
    person = await signIn(installation.link);
    // A machine without log files is `degraded`, which is no hindrance here.
    endpointId = await eventually('the endpoint is live', async () => {
      const { items } = await person.call('listEndpoints');
      return items.find((item) => item.state === 'watching' || item.state === 'degraded')?.endpointId;
    });
  });
  afterAll(() => installation?.[Symbol.asyncDispose]());

  test.each(BEHAVIOURS.map((behaviour) => [behaviour.name, behaviour] as const))('%s', async (_name, behaviour) => {
    const before = Date.now();
    const { killed } = await behaviour.act();
    const incident = await eventually(`an incident with ${behaviour.technique}`, async () => {
      const { items } = await person.call('listIncidents', { query: { endpointId, limit: '100' } });
      for (const row of items.filter((item) => item.updatedAt >= before - 1_000)) {
        const detail = await person.call('getIncident', { path: { incidentId: row.incidentId } });
        const named = detail.story.detections.some(
          (detection) => detection.time >= before - 1_000 && detection.rule.techniques.includes(behaviour.technique),
        );
        const settled =
          !behaviour.stopped || detail.story.containment === 'complete' || detail.story.containment === 'partial';
        if (named && settled) return detail;
      }
      return undefined;
    });
    expect(incident.story.safeTest).toBe(false);
    if (behaviour.stopped) {
      expect(killed, JSON.stringify(incident.story.actions)).toBe(true);
      expect(incident.story.actions.some((action) => action.kind === 'kill-tree' && action.ok)).toBe(true);
    } else {
      expect(incident.story.actions.filter((action) => action.kind === 'kill-tree' && action.ok)).toEqual([]);
    }
  });

  test('ordinary work beside it makes no incident', async () => {
    const { items } = await person.call('listIncidents', { query: { endpointId, limit: '100' } });
    const texts = await Promise.all(
      items.map(async (row) => {
        const { story } = await person.call('getIncident', { path: { incidentId: row.incidentId } });
        return story.detections
          .map(
            (detection) =>
              `${detection.rule.title}: ${String(detection.event.fields['CommandLine'] ?? detection.event.fields['TargetFilename'] ?? '')}`,
          )
          .join('\n');
      }),
    );
    // Everything that was detected was caused by the simulations above.
    for (const text of texts)
      expect(text).toMatch(/attack-sim|dev\/tcp|yagura-attack-simulation|svc-update|shadow|bash -i/);
  });

  test('[IV1] the console knows what the machine is made of, and hears of a new listening port', async () => {
    const things = (category: string) =>
      person.call('getEndpointInventory', { path: { endpointId }, query: { category, limit: '1000' } });
    const users = await eventually('the users of the machine', async () => {
      const { items } = await things('user');
      return items.length > 0 ? items : undefined;
    });
    expect(users.find(({ key }) => key === 'root')?.facts).toMatchObject({ id: 0, isSuperuser: true });
    expect((await things('system')).items[0]?.facts['kernel']).toBe(release());
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const key = `tcp 127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    try {
      const change = await eventually(
        'the new port among the changes',
        async () => (await things('listening-port')).changes.find((each) => each.key === key),
        90_000,
      );
      expect(change).toMatchObject({ kind: 'added', after: { image: process.execPath } });
    } finally {
      server.close();
    }
  });

  test('the machine is as it was when everything has ended', async () => {
    expect(await installation.stop()).toBe(0);
    expect(readFileSync('/proc/net/netlink', 'utf8')).not.toMatch(new RegExp(`^\\S+\\s+9\\s+${process.pid}\\b`, 'm'));
  });
});
