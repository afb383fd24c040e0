import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Set when browser tests cannot run here, as the reason that their names carry. */
export const NO_BROWSER = existsSync(CHROMIUM) ? undefined : 'no Chromium at /usr/bin/chromium';

/** A headless Chromium that asks nothing of the outside world. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
