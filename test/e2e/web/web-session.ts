import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { buildScenario, type Scenario } from '../../fakes/console-api/scenarios.ts';
import { type FakeConsole, startFakeConsole } from '../../fakes/console-api/server.ts';

export interface WebSession extends AsyncDisposable {
  readonly fake: FakeConsole;
  readonly page: Page;
  /** Errors of the page and of the browser's console; a network refusal that a test causes is not among them. */
  readonly problems: string[];
}

/** A signed-in browser in front of the fake console. */
export async function openWeb(
  browser: Browser,
  webDirectory: string,
  scenario: Scenario,
  options: BrowserContextOptions = {},
): Promise<WebSession> {
  const fake = await startFakeConsole(buildScenario(scenario, Date.now()), webDirectory);
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'ja-JP',
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (4|5)\d\d|WebSocket/.test(message.text()))
      problems.push(message.text());
  });
  await page.goto(fake.link());
  await page.waitForURL(`${fake.url}/`);
  return {
    fake,
    page,
    problems,
    async [Symbol.asyncDispose]() {
      await context.close();
      await fake[Symbol.asyncDispose]();
    },
  };
}

const AXE_SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds wrong by WCAG 2.2 A and AA on the page as it stands. */
export async function findAccessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(AXE_SOURCE);
  const violations = (await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(root: Document, options: object): Promise<{ violations: unknown }> };
    };
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    return (await axe.run(document, { runOnly: { type: 'tag', values: tags } })).violations;
  })) as AxeViolation[];
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary?.slice(0, 300) ?? ''}`),
  );
}
