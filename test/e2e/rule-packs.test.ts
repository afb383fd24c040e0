import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROUTES } from '@yagura/console/api/index.ts';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxRule, packOf } from '../fakes/rule-pack.ts';
import { launchBrowser, NO_BROWSER } from '../support/browser.ts';
import { type LocalInstallation, startLocalInstallation } from '../support/local-installation.ts';
import { eventually } from '../support/wait.ts';

const cannot = process.getuid?.() === 0 ? NO_BROWSER : 'needs root for the process sensor';
/** Names that no rule of anybody else speaks of. */
const PROBE = 'yagura-pack-probe';
const MARKER = 'yagura-pack-marker';
const PACK = packOf('e2e rules', '1', linuxRule(PROBE), linuxRule(MARKER));
const RULE = `runs-${PROBE}`;
const PATIENCE = 90_000;
/** The kernel stamps audit records with a clock that moves in steps. */
const CLOCK_STEP = 20;
/** The interface allows a person so many questions a minute. */
const BETWEEN_QUESTIONS = 300;

describe.skipIf(cannot !== undefined)(`rules in the running product${cannot ? ` (${cannot})` : ''}`, () => {
  let installation: LocalInstallation;
  let browser: Browser;
  let page: Page;
  let folder: string;
  const problems: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'yagura-probe-'));
    for (const name of [PROBE, MARKER]) {
      copyFileSync('/bin/true', join(folder, name));
      // A program of its own: a mere copy of a system program is a finding in itself, and is taken away.
      appendFileSync(join(folder, name), name);
    }
    writeFileSync(join(folder, 'e2e.pack'), PACK.bytes);
    installation = await startLocalInstallation();
    browser = await launchBrowser();
    page = await browser.newPage({ locale: 'ja-JP', timezoneId: 'Asia/Tokyo', viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(installation.link);
    await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
  });
  afterAll(async () => {
    await browser?.close();
    await installation?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const read = async (path: string): Promise<unknown> => {
    const response = await page.request.get(`${installation.origin}${path}`);
    if (!response.ok()) throw new Error(`${path}: ${response.status()}`);
    return response.json() as Promise<unknown>;
  };
  const endpoint = async () => {
    const { items } = ROUTES.listEndpoints.response.parse(await read('/api/endpoints'));
    const id = items[0]?.endpointId ?? '';
    return ROUTES.getEndpoint.response.parse(await read(`/api/endpoints/${id}`));
  };
  /** Runs a program; returns a time that lies before it and behind what was done before. */
  const act = (name: string): number => {
    const before = Date.now() - CLOCK_STEP;
    expect(spawnSync(join(folder, name)).status).toBe(0);
    return before;
  };
  /** Detections of a rule since a time, by way of the incidents that its page names. */
  const detections = async (ruleId: string, since: number) => {
    const { incidents } = ROUTES.getRule.response.parse(await read(`/api/rules/${ruleId}`));
    const fresh = incidents.filter(({ receivedAt }) => receivedAt >= since);
    const stories = await Promise.all(
      fresh.map(async ({ incidentId }) =>
        ROUTES.getIncident.response.parse(await read(`/api/incidents/${incidentId}`)),
      ),
    );
    return stories
      .flatMap(({ story }) => story.detections)
      .filter(({ rule, time }) => rule.ruleId === ruleId && time >= since);
  };
  const detected = (ruleId: string, since: number) =>
    eventually(
      `a detection by ${ruleId}`,
      async () => {
        const [found] = await detections(ruleId, since);
        if (found === undefined) await page.waitForTimeout(BETWEEN_QUESTIONS);
        return found;
      },
      PATIENCE,
    );

  test(
    'a pack is uploaded, sent to the whole tenant by one approval, and detects at once',
    async () => {
      await page.goto(`${installation.origin}/settings/rules?view=packs`);
      await page.locator('input[type=file]').setInputFiles(join(folder, 'e2e.pack'));
      await page.getByText(PACK.reference.sha256).waitFor();
      await page.getByRole('button', { name: '配布する' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: '内容を確認する' }).click();
      await dialog.getByText(PACK.reference.sha256).waitFor();
      await dialog.getByRole('button', { name: 'すべての端末に配布する' }).click();
      await dialog.getByText('1台すべてに反映しました').waitFor();
      await eventually('health names the pack', async () => {
        const { health } = await endpoint();
        return health?.rulePack?.active?.sha256 === PACK.reference.sha256 ? true : undefined;
      });
      expect(readdirSync(join(installation.agentDir, 'packs'))).toContain(`${PACK.reference.sha256}.pack`);
      const found = await detected(RULE, act(PROBE));
      expect(found.rule).toMatchObject({ author: 'A. Author', reference: 'https://example.com/rule' });
    },
    2 * PATIENCE,
  );

  test(
    'the rules of the agent and of the pack are listed, with whose they are',
    async () => {
      await page.goto(`${installation.origin}/settings/rules?q=${RULE}`);
      await page.getByRole('link', { name: `Runs ${PROBE}` }).click();
      await page.getByText('A. Author').waitFor();
      await page.getByRole('link', { name: 'https://example.com/rule' }).waitFor();
      const own = ROUTES.listRules.response.parse(await read('/api/rules?search=yagura.behaviour.reverse-shell'));
      expect(own.items[0]).toMatchObject({ origin: { kind: 'built-in' }, canFire: true });
    },
    PATIENCE,
  );

  test(
    '[CM13] a rule that was disabled in the browser detects nothing on the machine, and what it took out is counted',
    async () => {
      await page.goto(`${installation.origin}/settings/rules/${RULE}`);
      await page.getByRole('button', { name: '無効にする' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('combobox', { name: '端末を選ぶ' }).click();
      await page.getByRole('option').first().click();
      await page.keyboard.press('Tab');
      await dialog.getByRole('textbox', { name: /理由/ }).fill('e2e');
      await dialog.getByRole('button', { name: '内容を確認する' }).click();
      await dialog.getByRole('button', { name: '無効にする' }).click();
      await dialog.getByText(/終わりました/).waitFor();
      await dialog.getByRole('button', { name: '閉じる' }).last().click();

      const since = act(PROBE);
      await eventually(
        'the match is counted',
        async () => {
          const list = ROUTES.listRuleTunings.response.parse(await read('/api/rule-tunings'));
          const counted = list.items.find((row) => row.ruleId === RULE && row.matches > 0);
          if (counted === undefined) await page.waitForTimeout(BETWEEN_QUESTIONS);
          return counted;
        },
        PATIENCE,
      );
      // What happened later was detected and has arrived: the probe would have, too.
      await detected(`runs-${MARKER}`, act(MARKER));
      expect(await detections(RULE, since)).toEqual([]);
      await page.reload();
      await page.getByText('これまでに1件に適用').waitFor();
    },
    2 * PATIENCE,
  );

  test(
    '[CM13] once that is ended it detects again',
    async () => {
      await page.getByRole('button', { name: '終了する' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('button', { name: '元に戻す' }).click();
      await dialog.getByText(/終わりました/).waitFor();
      await dialog.getByRole('button', { name: '閉じる' }).last().click();
      expect(await detected(RULE, act(PROBE))).toBeDefined();
    },
    2 * PATIENCE,
  );

  test(
    '[CM14] another level for the whole tenant stands on the detection, and the pack is taken back everywhere',
    async () => {
      await page.goto(`${installation.origin}/settings/rules/${RULE}`);
      await page.getByRole('button', { name: 'レベルを変える' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('radio', { name: 'すべての端末' }).click();
      await dialog.getByRole('textbox', { name: /理由/ }).fill('e2e');
      await dialog.getByRole('button', { name: '内容を確認する' }).click();
      await dialog.getByRole('button', { name: 'レベルを変える' }).click();
      await dialog.getByText('1台すべてに反映しました').waitFor();
      const found = await detected(RULE, act(PROBE));
      expect(found.rule).toMatchObject({ severity: 'informational', tunedFrom: 'high' });

      await page.goto(`${installation.origin}/settings/rules?view=packs`);
      await page.getByRole('button', { name: 'すべての端末を標準に戻す' }).click();
      await dialog.getByRole('button', { name: '標準に戻す' }).click();
      await dialog.getByText('1台すべてに反映しました').waitFor();
      await eventually('health names no pack', async () =>
        (await endpoint()).health?.rulePack?.active === undefined ? true : undefined,
      );
    },
    2 * PATIENCE,
  );

  test('nothing went wrong in the page', () => expect(problems).toEqual([]));
});
