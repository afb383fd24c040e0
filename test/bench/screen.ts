/**
 * From the harmless test file's write (the kernel's event time) to the incident in a browser that shows the
 * list of incidents and is never reloaded: sensor, detection, spool, uplink, ingest, live feed and screen.
 */

import { IncidentDetail } from '@yagura/console/api/index.ts';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.ts';
import { startLocalInstallation } from '../support/local-installation.ts';
import { percentile, printResult } from './machine.ts';

/** Listed hashes are not counted against the hourly cap of containments. */
const ROUNDS = Number(process.argv[2] ?? 20);

/** Presses 「テスト検知」 on the endpoint's page, as a person does. */
async function orderTest(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'テスト検知' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'テスト検知を始める' }).click();
}

await using installation = await startLocalInstallation();
await using browser = await launchBrowser();
const context = await browser.newContext({ locale: 'ja-JP', viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
await page.goto(installation.link);
await page.waitForURL((url) => !url.pathname.startsWith('/sign-in'));
const endpointPage = await context.newPage();
await endpointPage.goto(`${installation.origin}/endpoints`);
await endpointPage.locator('a[href^="/endpoints/"]').first().click();
await endpointPage.getByRole('button', { name: 'テスト検知' }).waitFor();
const endpointUrl = endpointPage.url();
await page.goto(`${installation.origin}/incidents`);
await page.getByRole('heading', { level: 1 }).waitFor();

const delays: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const before = new Set(
    await page.locator('a[href^="/incidents/"]').evaluateAll((links) => links.map((link) => link.getAttribute('href'))),
  );
  const seen = page.evaluate(
    (known) =>
      new Promise<{ href: string; at: number }>((resolve) => {
        const look = (): void => {
          const link = [...document.querySelectorAll('a[href^="/incidents/"]')].find(
            (item) => !known.includes(item.getAttribute('href')),
          );
          if (link) resolve({ href: link.getAttribute('href') ?? '', at: Date.now() });
          else requestAnimationFrame(look);
        };
        look();
      }),
    [...before],
  );
  await orderTest(endpointPage);
  const { href, at } = await seen;
  const incidentId = href.split('/')[2] ?? '';
  const response = await context.request.get(`${installation.origin}/api/incidents/${incidentId}`);
  const { story } = IncidentDetail.parse(await response.json());
  delays.push(at - Math.min(...story.detections.map((detection) => detection.event.time)));
  await endpointPage.goto(endpointUrl);
}
printResult({
  benchmark: 'screen',
  rounds: delays.length,
  toScreenMs: { median: percentile(delays, 0.5), p99: percentile(delays, 0.99) },
});
