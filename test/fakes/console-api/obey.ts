import type { IncidentDetail, OrderRow } from '@yagura/console/api/index.ts';
import type { ActionOutcome, OrderAction } from '@yagura/protocol';
import { eicarStory } from './incident-stories.ts';
import { replaceTunings } from './rule-handlers.ts';
import { addIncident, recount } from './scenarios.ts';
import type { World } from './world.ts';

/** What the fake endpoint does when an order reaches it. */
export function obey(world: World, order: OrderRow): void {
  const machine = world.endpoints.findIndex((each) => each.endpointId === order.endpointId);
  const endpoint = world.endpoints[machine];
  if (endpoint === undefined) return;
  const { action } = order;
  switch (action.kind) {
    case 'test-detection': {
      const incident = addIncident(world, machine, 'information', eicarStory, Date.now());
      setTimeout(() => world.announce('incidents', incident.incidentId), 300);
      return;
    }
    case 'set-policy':
      endpoint.policy = action.mode;
      world.announce('endpoints', endpoint.endpointId);
      return;
    case 'restore-file':
    case 'delete-quarantined':
      changeFile(world, order, action);
      return;
    case 'contain-story':
      contain(world, action.storyId, order);
      return;
    case 'set-exclusions':
      for (let index = world.exclusions.length - 1; index >= 0; index--) {
        if (world.exclusions[index]?.endpointId === endpoint.endpointId) world.exclusions.splice(index, 1);
      }
      for (const exclusion of action.exclusions) {
        world.exclusions.push({ ...exclusion, endpointId: endpoint.endpointId, endpointName: endpoint.displayName });
      }
      world.announce('exclusions');
      return;
    case 'set-rule-tunings':
      replaceTunings(world, action.tunings, {
        endpoint: { endpointId: endpoint.endpointId, name: endpoint.displayName },
      });
      return;
    case 'set-rule-pack': {
      const { kind: _, ...active } = action;
      if (endpoint.health) endpoint.health.rulePack = { active };
      world.announce('rule-packs');
      return;
    }
    case 'clear-rule-pack':
      if (endpoint.health) endpoint.health.rulePack = {};
      world.announce('rule-packs');
  }
}

function outcome(order: OrderRow, kind: ActionOutcome['kind'], target: ActionOutcome['target']): ActionOutcome {
  const now = Date.now();
  return {
    actionId: `${order.orderId}-${kind}`,
    kind,
    origin: 'order',
    orderId: order.orderId,
    target,
    ok: true,
    code: 'done',
    startedAt: now,
    endedAt: now,
  };
}

function changeFile(
  world: World,
  order: OrderRow,
  action: Extract<OrderAction, { kind: 'restore-file' | 'delete-quarantined' }>,
): void {
  for (const incident of world.incidents) {
    const file = incident.story.files.find((each) => each.quarantineId === action.quarantineId);
    if (file === undefined) continue;
    file.state = action.kind === 'restore-file' ? 'restored' : 'deleted';
    incident.story.actions.push(outcome(order, action.kind, { path: file.path, quarantineId: action.quarantineId }));
    incident.orders.push(order);
    world.announce('incidents', incident.incidentId);
  }
  world.announce('quarantine');
}

function contain(world: World, storyId: string, order: OrderRow): void {
  const incident: IncidentDetail | undefined = world.incidents.find((each) => each.story.storyId === storyId);
  if (incident === undefined) return;
  const stopped = incident.story.processes.filter((process) => !process.context);
  for (const process of stopped) process.state = 'killed';
  incident.containment = 'complete';
  incident.story.containment = 'complete';
  incident.story.actions.push({
    ...outcome(order, 'kill-tree', { image: stopped[0]?.image ?? '/usr/bin/true' }),
    processes: stopped.length,
  });
  incident.orders.push(order);
  recount(world);
  world.announce('incidents', incident.incidentId);
}
