import { spawn, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compile, NO_CC, startCapture } from '../../../../../test/support/capture-probe.ts';
import { openAuditControl } from './control.ts';
import { isOurs } from './rules.ts';

/** Starts /bin/true argv[1] times; prints the total and the longest time of one in microseconds. */
const SPAWNER = `
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
static long long now(void){struct timespec t;clock_gettime(CLOCK_MONOTONIC,&t);return t.tv_sec*1000000LL+t.tv_nsec/1000;}
int main(int c,char**v){long n=atol(v[1]);long long longest=0,begin=now();char mark[64];char*e[]={0};
for(long i=0;i<n;i++){snprintf(mark,64,"%s-%ld",v[2],i);char*a[]={"true",mark,0};pid_t p;int s;long long t=now();
if(posix_spawn(&p,"/bin/true",0,0,a,e)||waitpid(p,&s,0)!=p)return 1;t=now()-t;if(t>longest)longest=t;}
printf("%lld %lld",now()-begin,longest);return 0;}`;

const COUNT = 3_000;

describe.skipIf(NO_CC)(`a reader that stands still${NO_CC ? ` (${NO_CC})` : ''}`, () => {
  async function burst(binary: string, mark: string) {
    const child = spawn(binary, [String(COUNT), mark], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    for await (const chunk of child.stdout) output += String(chunk);
    const [total = 0, longest = 0] = output.split(' ').map(Number);
    expect(total).toBeGreaterThan(0);
    return { total, longest };
  }

  test('for two seconds loses nothing', async () => {
    await using probe = await startCapture({ sources: ['linux-audit', 'linux-processes'] });
    const binary = compile(probe.folder, 'spawner', SPAWNER) ?? '';
    probe.stall(2_000);
    await burst(binary, 'stalled');
    await expect.poll(() => count(probe.seen, 'stalled'), { timeout: 10_000 }).toBe(COUNT);
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'active', lost: 0 });
  });

  test('with its buffer full stops no process, counts what is lost, and sees everything afterwards', async () => {
    await using probe = await startCapture({ sources: ['linux-audit', 'linux-processes'], auditBufferBytes: 65_536 });
    const binary = compile(probe.folder, 'spawner', SPAWNER) ?? '';
    const free = await burst(binary, 'free');
    probe.stall(8_000);
    const stalled = await burst(binary, 'stopped');
    // A process that had to wait for the reader would wait for seconds.
    expect(stalled.total).toBeLessThan(free.total * 5 + 2_000_000);
    expect(stalled.longest).toBeLessThan(1_500_000);
    // The stall ends, and within five seconds everything is seen again.
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 8_000 - stalled.total / 1_000) + 5_000));
    // A buffer this small takes no burst; one after the other it takes all of them.
    for (let index = 0; index < 100; index += 1) spawnSync('/bin/true', [`again-${index}`], { argv0: 'true' });
    await expect.poll(() => count(probe.seen, 'again'), { timeout: 10_000 }).toBe(100);
    const unseen = COUNT - count(probe.seen, 'stopped');
    expect(unseen).toBeGreaterThan(0);
    await expect.poll(() => probe.healthOf('linux-audit').lost, { timeout: 5_000 }).toBeGreaterThanOrEqual(unseen);
  });

  test('for ten seconds is let go of: our rules are taken out, and a new one takes its place', async () => {
    await using probe = await startCapture({ sources: ['linux-audit', 'linux-processes'] });
    probe.stall(14_000);
    await expect.poll(ourRules, { timeout: 13_500, interval: 200 }).toBe(0);
    expect(probe.healthOf('linux-audit')).toMatchObject({ state: 'blind', code: 'sensor_silent' });
    await expect.poll(() => probe.healthOf('linux-audit').state, { timeout: 10_000 }).toBe('active');
    spawnSync('/bin/true', ['after-the-silence']);
    await probe.find('process_creation', ({ fields }) => fields['CommandLine'] === '/bin/true after-the-silence');
    expect(ourRules()).toBeGreaterThan(10);
  });
});

function ourRules(): number {
  const control = openAuditControl();
  if (typeof control === 'number') throw new Error(`audit: ${control}`);
  const rules = control.rules();
  control[Symbol.dispose]();
  return typeof rules === 'number' ? -1 : rules.filter(isOurs).length;
}

function count(seen: readonly { readonly fields: Readonly<Record<string, unknown>> }[], mark: string): number {
  const lines = seen.map(({ fields }) => String(fields['CommandLine']));
  return new Set(lines.filter((line) => line.startsWith(`true ${mark}-`))).size;
}
