/**
 * Makes pictures of every screen: `node test/screens/shoot.ts OUTPUT_DIR [NAME_PART]`. Builds the web and
 * wants Chromium at /usr/bin/chromium; the console behind the screens is the fake one.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { buildScenario, type Scenario } from '../fakes/console-api/scenarios.ts';
import { type FakeConsole, startFakeConsole } from '../fakes/console-api/server.ts';
import { launchBrowser } from '../support/browser.ts';
import { buildWeb } from '../support/built-web.ts';
import { SHOTS, type Shot } from './shots.ts';

const WIDTHS = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 } } as const;

interface Look {
  readonly width: keyof typeof WIDTHS;
  readonly language: 'ja' | 'en';
  readonly scheme: 'light' | 'dark';
}

/** Every screen in Japanese and light at both widths; the other language and scheme where they tell more. */
const LOOKS: readonly Look[] = [
  { width: 'wide', language: 'ja', scheme: 'light' },
  { width: 'narrow', language: 'ja', scheme: 'light' },
  { width: 'wide', language: 'en', scheme: 'dark' },
  { width: 'narrow', language: 'en', scheme: 'dark' },
];

async function openPage(browser: Browser, fake: FakeConsole, look: Look, signedIn: boolean): Promise<Page> {
  const context = await browser.newContext({
    viewport: WIDTHS[look.width],
    locale: look.language === 'ja' ? 'ja-JP' : 'en-GB',
    timezoneId: 'Asia/Tokyo',
    colorScheme: look.scheme,
    reducedMotion: 'reduce',
    hasTouch: look.width === 'narrow',
  });
  await context.addInitScript((language) => localStorage.setItem('yagura-language', language), look.language);
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') console.error(`console: ${message.text()}`);
  });
  if (signedIn) {
    await page.goto(fake.link());
    await page.waitForURL(`${fake.url}/`);
  }
  return page;
}

async function take(shot: Shot, page: Page, fake: FakeConsole, path: string): Promise<void> {
  await page.goto(fake.url + shot.path);
  await page.waitForTimeout(shot.settleMs ?? 600);
  await shot.prepare?.(page, fake);
  await page.waitForTimeout(250);
  await page.screenshot({ path, fullPage: shot.fullPage ?? true });
}

const [, , output, part] = process.argv;
if (output === undefined) {
  console.error('usage: node test/screens/shoot.ts OUTPUT_DIR [NAME_PART]');
  process.exit(2);
}
mkdirSync(output, { recursive: true });
using web = await buildWeb();
const browser = await launchBrowser();
const wanted = SHOTS.filter((shot) => part === undefined || shot.name.includes(part));
let taken = 0;
for (const scenario of new Set<Scenario>(wanted.map((shot) => shot.scenario))) {
  for (const look of LOOKS) {
    await using fake = await startFakeConsole(buildScenario(scenario, Date.now()), web.directory);
    const shots = wanted.filter((shot) => shot.scenario === scenario);
    const page = await openPage(browser, fake, look, true);
    for (const shot of shots) {
      fake.world.faults.clear();
      for (const [route, fault] of shot.faults ?? []) fake.world.faults.set(route, fault);
      const target = shot.signedOut === true ? await openPage(browser, fake, look, false) : page;
      await take(shot, target, fake, join(output, `${shot.name}-${look.width}-${look.language}-${look.scheme}.png`));
      if (target !== page) await target.context().close();
      taken += 1;
    }
    await page.context().close();
  }
}
await browser.close();
console.log(JSON.stringify({ taken, output }));
