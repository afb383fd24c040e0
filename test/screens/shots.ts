import type { RouteName } from '@yagura/console/api/index.ts';
import type { Page } from 'playwright-core';
import type { Scenario } from '../fakes/console-api/scenarios.ts';
import type { FakeConsole } from '../fakes/console-api/server.ts';
import type { Fault } from '../fakes/console-api/world.ts';

/** One picture: which world, which address, and what to do before. */
export interface Shot {
  readonly name: string;
  readonly scenario: Scenario;
  readonly path: string;
  readonly prepare?: (page: Page, fake: FakeConsole) => Promise<void>;
  readonly faults?: readonly (readonly [RouteName, Fault])[];
  readonly signedOut?: boolean;
  readonly fullPage?: boolean;
  readonly settleMs?: number;
}

const press = (name: RegExp) => (page: Page) => page.getByRole('button', { name }).first().click();

export const SHOTS: readonly Shot[] = [
  { name: 'sign-in', scenario: 'calm', path: '/sign-in', signedOut: true },
  { name: 'sign-in-used', scenario: 'calm', path: `/sign-in#${'a'.repeat(32)}.${'b'.repeat(43)}`, signedOut: true },
  { name: 'home-calm', scenario: 'calm', path: '/' },
  { name: 'endpoint', scenario: 'calm', path: '/endpoints/endpoint-00001' },
  {
    name: 'endpoint-things',
    scenario: 'calm',
    path: '/endpoints/endpoint-00001',
    prepare: async (page) => {
      await page.getByRole('button', { name: /利用者|Users/ }).click();
    },
  },
  { name: 'subscriptions', scenario: 'calm', path: '/subscriptions' },
  { name: 'quarantine', scenario: 'calm', path: '/quarantine' },
  { name: 'settings-tokens', scenario: 'calm', path: '/settings/tokens' },
  {
    name: 'settings-tokens-made',
    scenario: 'calm',
    path: '/settings/tokens',
    prepare: async (page) => {
      await press(/コマンドを作る|Make a command/)(page);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /^(作る|Make it)$/ })
        .click();
      await page.waitForTimeout(300);
    },
  },
  { name: 'settings-exclusions', scenario: 'calm', path: '/settings/exclusions' },
  { name: 'settings-audit', scenario: 'calm', path: '/settings/audit', fullPage: false },
  { name: 'settings-key', scenario: 'calm', path: '/settings/key' },
  { name: 'settings-appearance', scenario: 'calm', path: '/settings/appearance' },
  { name: 'not-found', scenario: 'calm', path: '/nowhere' },
  {
    name: 'palette',
    scenario: 'calm',
    path: '/',
    fullPage: false,
    prepare: async (page) => {
      await page.keyboard.press('Control+K');
      await page.keyboard.type('営業');
      await page.waitForTimeout(600);
    },
  },
  { name: 'loading', scenario: 'calm', path: '/endpoints', faults: [['listEndpoints', 'hang']] },
  {
    name: 'error',
    scenario: 'calm',
    path: '/incidents',
    faults: [['listIncidents', { status: 503, code: 'database_unreachable' }]],
    settleMs: 4_500,
  },
  {
    name: 'live-lost',
    scenario: 'calm',
    path: '/',
    fullPage: false,
    prepare: async (page, fake) => {
      const cut = fake.cutLive();
      await page.waitForTimeout(3_500);
      cut.restore();
    },
  },
  { name: 'home-busy', scenario: 'busy', path: '/' },
  { name: 'fleet', scenario: 'busy', path: '/endpoints' },
  {
    name: 'fleet-selected',
    scenario: 'busy',
    path: '/endpoints',
    fullPage: false,
    prepare: async (page) => {
      for (const index of [1, 2, 4]) await page.getByRole('checkbox').nth(index).check();
    },
  },
  {
    name: 'endpoint-time',
    scenario: 'calm',
    path: '/endpoints/endpoint-00001',
    fullPage: false,
    prepare: (page) => page.locator('time').first().click(),
  },
  { name: 'endpoint-degraded', scenario: 'busy', path: '/endpoints/endpoint-00008' },
  {
    name: 'endpoint-test',
    scenario: 'busy',
    path: '/endpoints/endpoint-00001',
    fullPage: false,
    prepare: async (page) => {
      await press(/テスト検知|Test detection/)(page);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /始める|Start/ })
        .click();
      await page.getByRole('link', { name: /記録を見る|Show it/ }).waitFor();
    },
  },
  { name: 'incidents', scenario: 'busy', path: '/incidents' },
  { name: 'incident-contained', scenario: 'busy', path: '/incidents/incident-0007' },
  { name: 'incident-partial', scenario: 'busy', path: '/incidents/incident-0006' },
  { name: 'incident-observed', scenario: 'busy', path: '/incidents/incident-0005' },
  {
    name: 'incident-exclude',
    scenario: 'busy',
    path: '/incidents/incident-0005',
    fullPage: false,
    prepare: press(/業務で使うソフトです|software we use/),
  },
  {
    name: 'incident-contain',
    scenario: 'busy',
    path: '/incidents/incident-0005',
    fullPage: false,
    prepare: press(/^(止める|Stop it)$/),
  },
  {
    name: 'incident-restore',
    scenario: 'busy',
    path: '/incidents/incident-0007',
    fullPage: false,
    prepare: async (page) => {
      await press(/ファイルを戻す|Put files back/)(page);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /戻す|Put it back/ })
        .click();
      await page.waitForTimeout(900);
    },
  },
  { name: 'empty-home', scenario: 'empty', path: '/' },
  { name: 'empty-fleet', scenario: 'empty', path: '/endpoints' },
  { name: 'empty-incidents', scenario: 'empty', path: '/incidents' },
  { name: 'empty-quarantine', scenario: 'empty', path: '/quarantine' },
  { name: 'hostile-fleet', scenario: 'hostile', path: '/endpoints' },
  { name: 'hostile-incidents', scenario: 'hostile', path: '/incidents' },
  { name: 'hostile-incident', scenario: 'hostile', path: '/incidents/incident-0001' },
  { name: 'hostile-endpoint', scenario: 'hostile', path: '/endpoints/endpoint-00001' },
  { name: 'hostile-exclusions', scenario: 'hostile', path: '/settings/exclusions' },
  {
    name: 'huge-fleet',
    scenario: 'huge',
    path: '/endpoints',
    fullPage: false,
    settleMs: 800,
    prepare: async (page) => {
      for (let turn = 0; turn < 6; turn++) {
        await page.mouse.wheel(0, 9_000);
        await page.waitForTimeout(150);
      }
    },
  },
  { name: 'huge-incidents', scenario: 'huge', path: '/incidents', fullPage: false, settleMs: 800 },
];
