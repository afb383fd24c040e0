import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eicarStory } from '../../fakes/console-api/incident-stories.ts';
import { addIncident } from '../../fakes/console-api/scenarios.ts';
import { launchBrowser, NO_BROWSER } from '../../support/browser.ts';
import { type BuiltWeb, buildWeb } from '../../support/built-web.ts';
import { openWeb } from './web-session.ts';

describe.skipIf(NO_BROWSER !== undefined)(`the screens${NO_BROWSER ? ` (${NO_BROWSER})` : ''}`, () => {
  let web: BuiltWeb;
  let browser: Browser;
  beforeAll(async () => {
    web = await buildWeb();
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    web?.[Symbol.dispose]();
  });

  test('signing in clears the secret and makes a key that no script can read', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    expect(page.url()).not.toContain('#');
    expect(fake.world.approvers.size).toBe(1);
    const key = await page.evaluate(
      () =>
        new Promise<{ extractable: boolean; exported: boolean }>((resolve) => {
          const open = indexedDB.open('yagura');
          open.onsuccess = () => {
            const all = open.result.transaction('approver-keys').objectStore('approver-keys').getAll();
            all.onsuccess = async () => {
              const { privateKey } = all.result[0] as { privateKey: CryptoKey };
              const exported = await crypto.subtle.exportKey('pkcs8', privateKey).then(
                () => true,
                () => false,
              );
              resolve({ extractable: privateKey.extractable, exported });
            };
          };
        }),
    );
    expect(key).toEqual({ extractable: false, exported: false });
    expect(session.problems).toEqual([]);
  });

  test('a used link says what to do', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/sign-in#${'a'.repeat(32)}.${'b'.repeat(43)}`);
    await page.getByRole('alert').getByText('すでに使われています').waitFor();
    await page.getByText('npx yagura-console admin link').waitFor();
    expect(page.url()).not.toContain('#');
  });

  test('an incident is on the screen well within a second, without a reload', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/incidents`);
    await page.getByText('未処置の異常はありません').first().waitFor();
    const incident = addIncident(fake.world, 0, 'severe', eicarStory, Date.now());
    const started = performance.now();
    fake.world.announce('incidents', incident.incidentId);
    await page.locator(`a[href="/incidents/${incident.incidentId}"]`).waitFor();
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test('an order is explained, signed, followed to its outcome, and taken back', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    const endpoint = fake.world.endpoints[0];
    await page.goto(`${fake.url}/endpoints/endpoint-00001`);
    await page.getByRole('radio', { name: '見守るだけ' }).check();
    await page.getByRole('button', { name: '「見守るだけ」に変更する' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('自動では止めず').waitFor();
    expect(endpoint?.policy).toBe('balanced');
    await dialog.getByRole('button', { name: '変更する' }).click();
    await dialog.getByText('終わりました（').waitFor();
    expect(endpoint?.policy).toBe('observe');
    await dialog.getByRole('button', { name: '「自動で止める」に戻す' }).click();
    await expect.poll(() => endpoint?.policy).toBe('balanced');
    expect(fake.world.orders).toHaveLength(2);
    expect(session.problems).toEqual([]);
  });

  test('an order is followed to its end although hundreds of others are newer', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/endpoints/endpoint-00001`);
    await page.getByRole('button', { name: 'テスト検知' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'テスト検知を始める' }).click();
    await expect.poll(() => fake.world.orders.length, { interval: 5 }).toBe(1);
    const [mine] = fake.world.orders;
    if (mine === undefined) throw new Error('no order');
    for (let number = 0; number < 250; number++)
      fake.world.orders.unshift({ ...mine, orderId: `other-${number}`, state: 'sent', orderedAt: mine.orderedAt + 1 });
    await dialog.getByText('終わりました（').waitFor();
    expect(mine.state).toBe('done');
    expect(session.problems).toEqual([]);
  });

  test('"software that we use": proposal, orders, restoring, closing', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    await page.goto(`${fake.url}/incidents/incident-0007`);
    await page.getByRole('button', { name: '業務で使うソフトです' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio').first().check();
    await dialog.getByRole('textbox', { name: '理由' }).fill('社内の更新プログラム');
    await dialog.getByRole('button', { name: '内容を確認する' }).click();
    await dialog.getByRole('button', { name: '登録する' }).click();
    await dialog.getByText('登録しました').waitFor();
    expect(fake.world.exclusions.some((each) => each.reason === '社内の更新プログラム')).toBe(true);
    await dialog.getByRole('button', { name: 'ファイルを戻す' }).click();
    await dialog.getByRole('button', { name: '1件を戻す' }).click();
    await dialog.getByText('終わりました（').waitFor();
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    await page.getByText('ファイル1件を元の場所に戻しました。').waitFor();
    await page.getByRole('button', { name: '閉じる' }).click();
    await page.getByRole('dialog').getByRole('button', { name: '閉じる' }).last().click();
    await page.getByText('処置済み').first().waitFor();
    expect(session.problems).toEqual([]);
  });

  test('a browser without a registered key says so and orders nothing', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    fake.world.approvers.clear();
    await page.goto(`${fake.url}/endpoints/endpoint-00001`);
    await page.getByRole('button', { name: 'テスト検知' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('このブラウザーからは操作できません').waitFor();
    expect(await dialog.getByRole('button', { name: 'テスト検知を始める' }).isDisabled()).toBe(true);
    expect(fake.world.orders).toHaveLength(0);
    await dialog.getByText("npx yagura-console admin link --name='総務 田中'").waitFor();
  });

  test('a link that is opened while signed in registers the key, returns to the page, and frees what waits', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    fake.world.approvers.clear();
    await page.goto(`${fake.url}/endpoints/endpoint-00002`);
    await page.getByRole('button', { name: 'テスト検知' }).click();
    const start = page.getByRole('dialog').getByRole('button', { name: 'テスト検知を始める' });
    await page.getByRole('dialog').getByText('このブラウザーからは操作できません').waitFor();
    const other = await page.context().newPage();
    // As the real console does: the former session ends before the browser has the new one's cookie.
    await other.route('**/api/sign-in', async (route) => {
      fake.endSessions();
      await new Promise((resolve) => setTimeout(resolve, 300));
      await route.continue();
    });
    await other.goto(fake.link());
    await other.waitForURL(`${fake.url}/endpoints/endpoint-00002`);
    await other.getByRole('heading', { level: 1 }).waitFor();
    expect(fake.world.approvers.size).toBe(1);
    await expect.poll(() => start.isEnabled()).toBe(true);
    await start.click();
    await page.getByRole('dialog').getByText('終わりました（').waitFor();
    // Remembered once only.
    await other.goto(fake.link());
    await other.waitForURL(`${fake.url}/`);
    expect(session.problems).toEqual([]);
  });

  test('hostile strings stay text, and invisible characters are seen', async () => {
    await using session = await openWeb(browser, web.directory, 'hostile');
    const { page, fake } = session;
    for (const path of [
      '/',
      '/endpoints',
      '/endpoints/endpoint-00001',
      '/incidents',
      '/incidents/incident-0001',
      '/quarantine',
      '/subscriptions',
      '/settings/exclusions',
      '/settings/audit',
    ]) {
      await page.goto(fake.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      const seen = await page.evaluate(() => ({
        images: document.querySelectorAll('img, [onerror], [onclick]').length,
        links: document.querySelectorAll('a[href^="javascript:"]').length,
        text: document.querySelector('main')?.textContent ?? '',
      }));
      expect(seen.images, path).toBe(0);
      expect(seen.links, path).toBe(0);
      expect(seen.text, path).not.toMatch(/[\u202a-\u202e\u2066-\u2069]|\p{Cc}/u);
      expect(seen.text, path).toContain('\\u202e');
      await page.setViewportSize({ width: 390, height: 844 });
      const over = () =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await expect.poll(over, { message: path }).toBeLessThanOrEqual(0);
      await page.setViewportSize({ width: 1440, height: 900 });
    }
    expect(session.problems).toEqual([]);
  });

  test('ten thousand rows: few in the document, all within reach, and the keyboard walks them', async () => {
    await using session = await openWeb(browser, web.directory, 'huge');
    const { page, fake } = session;
    await page.goto(`${fake.url}/endpoints`);
    const rows = page.locator('[data-index]');
    await rows.first().waitFor();
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('10001');
    for (let turn = 0; turn < 40; turn++) {
      await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
      await page.waitForTimeout(40);
      expect(await rows.count()).toBeLessThan(80);
    }
    const last = Number(await rows.last().getAttribute('data-index'));
    expect(last).toBeGreaterThan(1_000);
    await page.goto(`${fake.url}/endpoints`);
    await rows.first().getByRole('link').first().focus();
    for (let step = 0; step < 30; step++) await page.keyboard.press('ArrowDown');
    const focused = await page.evaluate(() =>
      document.activeElement?.closest('[data-index]')?.getAttribute('data-index'),
    );
    expect(focused).toBe('30');
    await page.keyboard.press('x');
    await page.getByText('1件を選択中').waitFor();
  });

  test('a session that ends leads to signing in and back to the same page', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/quarantine?state=held`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    fake.endSessions();
    await page.getByText('サインインの期限が切れました').waitFor();
    const link = new URL(fake.link());
    await page.evaluate((hash) => {
      window.location.hash = hash;
    }, link.hash);
    await page.waitForURL(`${fake.url}/quarantine?state=held`);
    await page.getByRole('heading', { level: 1, name: /保管/ }).waitFor();
    expect(fake.world.sessions).toBe(1);
  });

  test('signing in in one tab brings back the others, each to its page', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/quarantine?state=held`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    fake.endSessions();
    await page.getByText('サインインの期限が切れました').waitFor();
    const other = await page.context().newPage();
    await other.goto(fake.link());
    await other.waitForURL(`${fake.url}/quarantine?state=held`);
    await page.waitForURL(`${fake.url}/quarantine?state=held`);
    await page.getByRole('heading', { level: 1, name: /保管/ }).waitFor();
    expect(fake.world.sessions).toBe(1);
    expect(session.problems).toEqual([]);
  });

  test('a lost live feed is said quietly, heals by itself, and what was missed is shown', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/incidents`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForTimeout(500);
    const cut = fake.cutLive();
    await page.getByText('最新の状態を受け取れていません').waitFor({ timeout: 10_000 });
    const incident = addIncident(fake.world, 0, 'severe', eicarStory, Date.now());
    cut.restore();
    await page.locator(`a[href="/incidents/${incident.incidentId}"]`).waitFor({ timeout: 30_000 });
    await expect.poll(() => page.getByText('最新の状態を受け取れていません').count()).toBe(0);
  });

  test('an error says what to do, and trying again works', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    fake.world.faults.set('listEndpoints', { status: 403, code: 'forbidden' });
    await page.goto(`${fake.url}/endpoints`);
    const alert = page.getByRole('alert');
    await alert.getByText('権限がありません').waitFor();
    fake.world.faults.clear();
    await alert.getByRole('button', { name: 'もう一度試す' }).click();
    await page.getByRole('link', { name: /経理のパソコン/ }).waitFor();
    expect(await alert.count()).toBe(0);
  });

  test('a tap shows the exact time, the next one or Escape takes it away', async () => {
    await using session = await openWeb(browser, web.directory, 'calm', {
      hasTouch: true,
      viewport: { width: 390, height: 844 },
    });
    const { page, fake } = session;
    await page.goto(`${fake.url}/endpoints/endpoint-00001`);
    const time = page.locator('time').first();
    const bubble = page.getByRole('status').filter({ hasText: '日本時間' });
    await time.waitFor();
    expect(await bubble.count()).toBe(0);
    await time.tap();
    await bubble.waitFor();
    expect(await bubble.textContent()).toBe(await time.getAttribute('title'));
    const box = await bubble.boundingBox();
    expect(box !== null && box.x >= 0 && box.x + box.width <= 390).toBe(true);
    await time.tap();
    await expect.poll(() => bubble.count()).toBe(0);
    await time.tap();
    await bubble.waitFor();
    await page.keyboard.press('Escape');
    await expect.poll(() => bubble.count()).toBe(0);
    // One at the foot of the page is shown above the bar.
    await page.locator('time').last().tap();
    await bubble.waitFor();
    const bar = await page.getByRole('navigation').last().boundingBox();
    const last = await bubble.boundingBox();
    expect(bar !== null && last !== null && last.y + last.height <= bar.y).toBe(true);
    await page.getByRole('heading', { level: 1 }).tap();
    await expect.poll(() => bubble.count()).toBe(0);
    expect(session.problems).toEqual([]);
  });

  test('a time within a link leaves the tap to the link', async () => {
    await using session = await openWeb(browser, web.directory, 'busy', { hasTouch: true });
    const { page, fake } = session;
    await page.goto(`${fake.url}/endpoints/endpoint-00008`);
    await page.locator('a time').first().tap();
    await page.waitForURL(/\/incidents\/./);
    expect(await page.getByRole('status').filter({ hasText: '日本時間' }).count()).toBe(0);
  });

  test('the language changes without a reload and is remembered', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page } = session;
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: 'Nothing needs your attention' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Nothing needs your attention' }).waitFor();
  });
});
