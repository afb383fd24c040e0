import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { containerOf, createProcessContexts } from './process-context.ts';

const ID = '3f2a'.repeat(16);

test.each([
  [`0::/system.slice/docker-${ID}.scope\n`, ID],
  [`12:pids:/docker/${ID}\n0::/\n`, ID],
  [`0::/kubepods.slice/kubepods-besteffort.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope\n`, ID],
  [`0::/kubepods/burstable/pod7/${ID}\n`, ID],
  [`0::/machine.slice/libpod-${ID}.scope/container\n`, ID],
  ['0::/lxc.payload.web1/system.slice\n', 'web1'],
  ['4:memory:/lxc/web2\n', 'web2'],
  ['0::/machine.slice/machine-build.scope\n', 'build'],
  ['0::/user.slice/user-1000.slice/session-2.scope\n', undefined],
  ['0::/system.slice/nginx.service\n', undefined],
  [`0::/x/${ID.slice(1)}\n`, undefined],
  ['', undefined],
])('%j is in %j', (cgroup, container) => expect(containerOf(cgroup)).toBe(container));

test('namespaces are named where they differ; one that is gone stands where its parent stood', () => {
  const proc = mkdtempSync(join(tmpdir(), 'yagura-proc-'));
  const make = (pid: string, mount: number, cgroup: string) => {
    mkdirSync(join(proc, pid, 'ns'), { recursive: true });
    writeFileSync(join(proc, pid, 'cgroup'), cgroup);
    for (const name of ['mnt', 'pid', 'net', 'user']) {
      symlinkSync(`${name}:[${name === 'mnt' ? mount : 1}]`, join(proc, pid, 'ns', name));
    }
  };
  make('self', 1, '0::/\n');
  make('10', 1, '0::/\n');
  make('11', 77, `0::/docker/${ID}\n`);
  const contexts = createProcessContexts(proc);
  expect(contexts.of(10, 1)).toEqual({});
  expect(contexts.of(11, 10)).toEqual({ ContainerId: ID, MountNamespace: 77 });
  expect(contexts.of(99, 11)).toEqual({ ContainerId: ID, MountNamespace: 77 });
  rmSync(join(proc, '11'), { recursive: true });
  expect(contexts.of(98, 99)).toEqual({ ContainerId: ID, MountNamespace: 77 });
  expect(contexts.of(97, undefined)).toEqual({});
  rmSync(proc, { recursive: true });
});
