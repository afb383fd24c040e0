import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, NO_BROWSER } from '../../support/browser.ts';
import { type BuiltWeb, buildWeb } from '../../support/built-web.ts';
import { findAccessibilityProblems, openWeb } from './web-session.ts';

const CRON = '誰でも書き込めるフォルダーのプログラムを定期実行する設定';

describe.skipIf(NO_BROWSER !== undefined)(`detection rules${NO_BROWSER ? ` (${NO_BROWSER})` : ''}`, () => {
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

  test('are found by search, show whose they are, and lead to their own page', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/settings/rules`);
    await page.getByText('全11件').waitFor();
    await page.getByRole('searchbox', { name: /ルールの名前/ }).fill('T1105');
    await page.getByText('Download File To Potentially Suspicious Directory Via Wget').waitFor();
    await expect.poll(() => page.getByText(CRON).count()).toBe(0);
    await page.getByRole('link', { name: /Via Wget/ }).click();
    await page.waitForURL(/settings\/rules\/3e2f1d1a/);
    await page.getByText('Joseph Kamau').waitFor();
    await page.getByText('DRL-1.1').waitFor();
    const link = page.getByRole('link', { name: /github\.com\/SigmaHQ/ });
    expect(await link.getAttribute('href')).toMatch(/^https:\/\/github\.com\/SigmaHQ\/sigma\//);
    expect(await findAccessibilityProblems(page)).toEqual([]);
    expect(session.problems).toEqual([]);
  });

  test('are disabled on one machine with reason and end, and put back', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/settings/rules/yagura-cron-from-writable-folder`);
    await page.getByRole('button', { name: '無効にする' }).click();
    const dialog = page.getByRole('dialog');
    const next = dialog.getByRole('button', { name: '内容を確認する' });
    expect(await next.isDisabled()).toBe(true);
    await dialog.getByRole('combobox', { name: '端末を選ぶ' }).click();
    await page.getByRole('option', { name: '経理のパソコン' }).click();
    await page.keyboard.press('Tab');
    expect(await next.isDisabled()).toBe(true);
    await dialog.getByRole('textbox', { name: /理由/ }).fill('夜間バックアップのため');
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await next.click();
    await dialog.getByText('対象：選んだ1台').waitFor();
    await dialog.getByRole('button', { name: '無効にする' }).click();
    await dialog.getByText(/終わりました/).waitFor();
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    const [order] = fake.world.orders;
    expect(order?.action).toMatchObject({
      kind: 'set-rule-tunings',
      scope: 'endpoint',
      tunings: [{ ruleTitle: CRON, change: { kind: 'disable' }, owner: '総務 田中', reason: '夜間バックアップのため' }],
    });
    await page.getByText('夜間バックアップのため').waitFor();
    await page.getByText('残り29日').or(page.getByText('残り30日')).waitFor();

    await page.getByRole('button', { name: '終了する' }).click();
    await dialog.getByRole('button', { name: '元に戻す' }).click();
    await dialog.getByText(/終わりました/).waitFor();
    expect(fake.world.orders[0]?.action).toMatchObject({ tunings: [] });
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    await page.getByText('どの端末でも、変更せずに使っています。').waitFor();
    expect(session.problems).toEqual([]);
  });

  test('get another level everywhere, machines enrolled later included, by one approval', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    await page.goto(`${fake.url}/settings/rules/yagura.behaviour.reverse-shell`);
    await page.getByRole('button', { name: 'レベルを変える' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('radio', { name: 'すべての端末' }).click();
    await dialog.getByText('あとから登録する端末にも、期限まで自動で反映します。').waitFor();
    await dialog.getByRole('textbox', { name: /理由/ }).fill('点検のため');
    await dialog.getByRole('button', { name: '内容を確認する' }).click();
    await dialog.getByText('対象：すべての端末（あとから登録する端末も含む）').waitFor();
    await dialog.getByRole('button', { name: 'レベルを変える' }).click();
    await dialog.getByText('12台中11台に反映しました').waitFor();
    expect(fake.world.standings[0]?.action).toMatchObject({ kind: 'set-rule-tunings', scope: 'tenant' });
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    await page.goto(`${fake.url}/settings/rules?view=tuned`);
    await page.getByText('レベルを「参考」に変更').first().waitFor();
    await page.getByText('12台中11台に反映済み').first().waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    expect(session.problems).toEqual([]);
  });

  test('that an endpoint set aside are named with where, since when and until when', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    await page.goto(`${fake.url}/settings/rules`);
    await page.getByText('2件のルールを、端末が一時的に止めています。').waitFor();
    await page.getByRole('button', { name: '内容を見る' }).click();
    const panel = page.getByRole('region', { name: '一時的に止めているルール' });
    await panel.getByText('長い正規表現のルール').waitFor();
    await panel.getByText('ファイルサーバー').first().waitFor();
    const [line] = await panel.getByRole('listitem').allInnerTexts();
    expect(line).toMatch(/ファイルサーバー · 停止 .+ · 再開予定 .+ · 3回目/);
    await page.goto(`${fake.url}/endpoints/endpoint-00008`);
    await page.getByRole('link', { name: 'Linux Base64 Encoded Pipe to Shell' }).waitFor();
    await page.getByText(/停止 .+ · 再開予定 .+ · 3回目/).waitFor();
    expect(session.problems).toEqual([]);
  });
});
