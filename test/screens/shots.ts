import type { RouteName } from '@yagura/console/api/index.ts';
import type { RulePackHeader } from '@yagura/protocol';
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

/** As far as the person reads what they will sign. */
async function reviewLevel(page: Page): Promise<void> {
  await press(/^(レベルを変える|Change level)$/)(page);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: /すべての端末|All endpoints/ }).click();
  await dialog.getByRole('textbox', { name: /理由|Reason/ }).fill('夜間バックアップのため');
  await dialog.getByRole('button', { name: /内容を確認する|Review/ }).click();
  await dialog.getByText(/有効な変更（すべて）|Everything that is in force/).waitFor();
}

/** Puts a pack into the console, as an upload does. */
async function aPack(page: Page, fake: FakeConsole): Promise<void> {
  const header: RulePackHeader = {
    format: 'yagura-rule-pack',
    layout: 2,
    name: 'SigmaHQ core',
    version: 'r2026-11-01',
    documents: 1_842,
    systems: [
      { system: 'linux', rules: 211, canFire: 208 },
      { system: 'windows', rules: 1_416, canFire: 1_377 },
      { system: 'macos', rules: 66, canFire: 65 },
      { system: 'other', rules: 149 },
    ],
    levels: { informational: 3, low: 122, medium: 981, high: 644, critical: 92 },
    withAuthor: 1_842,
    withLicence: 1_842,
    licences: ['DRL-1.1'],
    rejected: 2,
  };
  const reference = { sha256: 'c0ffee'.padEnd(64, '0'), size: 4_120_441, name: header.name, version: header.version };
  fake.world.rulePacks.push({ ...reference, header, uploadedAt: Date.now() - 3_600_000, uploadedBy: '総務 田中' });
  const [first] = fake.world.endpoints;
  if (first?.health !== undefined) first.health.rulePack = { active: reference };
  fake.world.announce('rule-packs');
  await page.getByText('SigmaHQ core').first().waitFor();
}

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
  { name: 'rules', scenario: 'busy', path: '/settings/rules' },
  { name: 'rules-tuned', scenario: 'busy', path: '/settings/rules?view=tuned' },
  { name: 'rules-packs', scenario: 'busy', path: '/settings/rules?view=packs', prepare: aPack },
  {
    name: 'rules-packs-send',
    scenario: 'busy',
    path: '/settings/rules?view=packs',
    fullPage: false,
    prepare: async (page, fake) => {
      await aPack(page, fake);
      await press(/^(配布する|Send)$/)(page);
    },
  },
  { name: 'rules-empty', scenario: 'empty', path: '/settings/rules' },
  { name: 'rule-own', scenario: 'busy', path: '/settings/rules/yagura.behaviour.reverse-shell' },
  { name: 'rule-foreign', scenario: 'busy', path: '/settings/rules/3e2f1d1a-0000-4000-8000-000000000000' },
  { name: 'rule-hostile', scenario: 'hostile', path: '/settings/rules/yagura.behaviour.reverse-shell' },
  {
    name: 'rule-disable',
    scenario: 'busy',
    path: '/settings/rules/yagura-cron-from-writable-folder',
    fullPage: false,
    prepare: press(/^(無効にする|Disable)$/),
  },
  {
    name: 'rule-level-review',
    scenario: 'busy',
    path: '/settings/rules/yagura-cron-from-writable-folder',
    fullPage: false,
    prepare: reviewLevel,
  },
  {
    name: 'rule-level-everywhere',
    scenario: 'busy',
    path: '/settings/rules/yagura-cron-from-writable-folder',
    fullPage: false,
    prepare: async (page) => {
      await reviewLevel(page);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /レベルを変える|Change the level/ })
        .last()
        .click();
      await page.waitForTimeout(900);
    },
  },
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
