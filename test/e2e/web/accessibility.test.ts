import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, NO_BROWSER } from '../../support/browser.ts';
import { type BuiltWeb, buildWeb } from '../../support/built-web.ts';
import { findAccessibilityProblems, openWeb, type WebSession } from './web-session.ts';

const PAGES = [
  '/',
  '/incidents',
  '/incidents/incident-0007',
  '/endpoints',
  '/endpoints/endpoint-00008',
  '/quarantine',
  '/subscriptions',
  '/settings/tokens',
  '/settings/exclusions',
  '/settings/rules',
  '/settings/rules?view=tuned',
  '/settings/rules?view=packs',
  '/settings/rules/yagura-cron-from-writable-folder',
  '/settings/orders',
  '/settings/audit',
  '/settings/key',
  '/settings/appearance',
  '/nowhere',
] as const;

const LOOKS = [
  { name: 'wide and light', options: { colorScheme: 'light' } },
  { name: 'narrow and dark', options: { colorScheme: 'dark', viewport: { width: 390, height: 844 }, hasTouch: true } },
] as const;

describe.skipIf(NO_BROWSER !== undefined)(`accessibility${NO_BROWSER ? ` (${NO_BROWSER})` : ''}`, () => {
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

  describe.each(LOOKS)('$name', ({ options }) => {
    let session: WebSession;
    beforeAll(async () => {
      session = await openWeb(browser, web.directory, 'busy', options);
    });
    afterAll(() => session?.[Symbol.asyncDispose]());

    test.each(PAGES)('%s breaks no rule of WCAG 2.2 AA that axe can see', async (path) => {
      const { page, fake } = session;
      await page.goto(fake.url + path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      expect(await findAccessibilityProblems(page)).toEqual([]);
    });

    test('a dialog breaks none either, holds the focus and gives it back', async () => {
      const { page, fake } = session;
      await page.goto(`${fake.url}/incidents/incident-0007`);
      const opener = page.getByRole('button', { name: 'ファイルを戻す' });
      await opener.click();
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      expect(await findAccessibilityProblems(page)).toEqual([]);
      for (let step = 0; step < 6; step++) {
        await page.keyboard.press('Tab');
        expect(await dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
      }
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await expect.poll(() => opener.evaluate((element) => element === document.activeElement)).toBe(true);
    });

    test('nothing is wider than the screen', async () => {
      const { page, fake } = session;
      for (const path of PAGES) {
        await page.goto(fake.url + path);
        await page.getByRole('heading', { level: 1 }).waitFor();
        const over = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(over, path).toBeLessThanOrEqual(0);
      }
    });
  });

  test('the probe finds a planted fault', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    await session.page.getByRole('heading', { level: 1 }).waitFor();
    await session.page.evaluate(() => {
      const input = document.createElement('input');
      document.querySelector('main')?.append(input);
    });
    expect((await findAccessibilityProblems(session.page)).join()).toContain('label');
  });
});
