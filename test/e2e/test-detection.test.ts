import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, NO_BROWSER } from '../support/browser.ts';
import { type LocalInstallation, startLocalInstallation } from '../support/local-installation.ts';
import { eventually } from '../support/wait.ts';

const cannot = process.getuid?.() === 0 ? NO_BROWSER : 'needs root for the file sensor';

/** SHA-256 of the 68 bytes of the EICAR test file, as published by eicar.org. */
const EICAR_SHA256 = '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f';

describe.skipIf(cannot !== undefined)(`the main job in a browser${cannot ? ` (${cannot})` : ''}`, () => {
  let installation: LocalInstallation;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    installation = await startLocalInstallation();
    browser = await launchBrowser();
    page = await browser.newPage({ locale: 'ja-JP', timezoneId: 'Asia/Tokyo', viewport: { width: 1440, height: 900 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await installation?.[Symbol.asyncDispose]();
  });

  test('sign in with the one-time link', async () => {
    await page.goto(installation.link);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
    expect(page.url()).not.toContain('#');
  });

  test('a safe detection: an incident stands there without a reload', async () => {
    await page.goto(`${installation.origin}/endpoints`);
    await page.getByRole('link', { name: /.+/ }).and(page.locator('a[href^="/endpoints/"]')).first().click();
    await page.getByRole('button', { name: 'テスト検知' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'テスト検知を始める' }).click();
    await page.getByRole('dialog').locator('a[href^="/incidents/"]').click({ timeout: 20_000 });
    await page.getByText('EICAR').first().waitFor();
    await page.getByText('eicar.com').first().waitFor();
    expect(page.url()).toContain('/incidents/');
  });

  test('the file was taken away and comes back byte for byte', async () => {
    const path = await eventually('the incident names the file', async () => {
      const text = await page.locator('main').textContent();
      return /\/[^\s「」]*yagura-test-[A-Za-z0-9]+\/eicar\.com/.exec(text ?? '')?.[0];
    });
    await eventually('the file is in the vault', () => (existsSync(path) ? undefined : true));
    await page.getByRole('button', { name: 'ファイルを戻す' }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: /戻す/ }).click();
    await eventually('the file is back', () => (existsSync(path) ? true : undefined), 20_000);
    expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(EICAR_SHA256);
  });

  test('nothing went wrong in the page', () => expect(problems).toEqual([]));
});
