import { parseRulePackHeader } from '@yagura/protocol';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxRule, packOf } from '../../fakes/rule-pack.ts';
import { launchBrowser, NO_BROWSER } from '../../support/browser.ts';
import { type BuiltWeb, buildWeb } from '../../support/built-web.ts';
import { openWeb } from './web-session.ts';

const PACK = packOf('SigmaHQ core', 'r2026-11-01', linuxRule('one'), linuxRule('two'));

describe.skipIf(NO_BROWSER !== undefined)(`rule packs${NO_BROWSER ? ` (${NO_BROWSER})` : ''}`, () => {
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

  test('are shown, sent to an endpoint by an approved order, and taken back', async () => {
    await using session = await openWeb(browser, web.directory, 'calm');
    const { page, fake } = session;
    await page.goto(`${fake.url}/settings/rules?view=packs`);
    await page.getByText('追加したルールはありません').waitFor();

    const header = parseRulePackHeader(PACK.bytes.toString().split('\n')[0] ?? '');
    if (!header.ok) throw new Error(header.code);
    fake.world.rulePacks.push({ ...PACK.reference, header: header.header, uploadedAt: Date.now(), uploadedBy: '総務' });
    fake.world.announce('rule-packs');
    await page.getByText('SigmaHQ core').first().waitFor();
    await page.getByText('Linux 2件 · うち検知できるもの 2件').waitFor();
    await page.getByText(PACK.reference.sha256).waitFor();

    await page.getByRole('button', { name: '配布する' }).click();
    const dialog = page.getByRole('dialog');
    const [first] = fake.world.endpoints.toSorted((a, b) => a.displayName.localeCompare(b.displayName));
    await dialog.getByRole('radio', { name: '選んだ端末だけ' }).click();
    const next = dialog.getByRole('button', { name: '内容を確認する' });
    expect(await next.isDisabled()).toBe(true);
    await dialog.getByRole('combobox', { name: '端末を選ぶ' }).click();
    await page.getByRole('option', { name: first?.displayName ?? '', exact: true }).click();
    await page.keyboard.press('Tab');
    await next.click();
    await dialog.getByText(PACK.reference.sha256).waitFor();
    await dialog.getByRole('button', { name: '1台に配布する' }).click();
    await dialog.getByText(/終わりました/).waitFor();
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    const [order] = fake.world.orders;
    expect([fake.world.orders.length, order?.endpointId]).toEqual([1, first?.endpointId]);
    expect(order?.action).toEqual({ kind: 'set-rule-pack', ...PACK.reference });
    await page.getByText('1台で使用中').waitFor();

    await page.getByRole('button', { name: '標準に戻す' }).first().click();
    await dialog.getByRole('button', { name: '標準に戻す' }).click();
    await dialog.getByText(/終わりました/).waitFor();
    expect(fake.world.orders.some(({ action }) => action.kind === 'clear-rule-pack')).toBe(true);
    expect(session.problems).toEqual([]);
  });

  test('are sent to the whole tenant by one approval, and taken back by another', async () => {
    await using session = await openWeb(browser, web.directory, 'busy');
    const { page, fake } = session;
    const header = parseRulePackHeader(PACK.bytes.toString().split('\n')[0] ?? '');
    if (!header.ok) throw new Error(header.code);
    fake.world.rulePacks.push({ ...PACK.reference, header: header.header, uploadedAt: Date.now(), uploadedBy: '総務' });
    await page.goto(`${fake.url}/settings/rules?view=packs`);
    await page.getByRole('button', { name: '配布する' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('あとから登録する端末にも自動で配布します。').waitFor();
    await dialog.getByRole('button', { name: '内容を確認する' }).click();
    await dialog.getByText(PACK.reference.sha256).waitFor();
    await dialog.getByRole('button', { name: 'すべての端末に配布する' }).click();
    // One of twelve machines is off: nobody waits for it.
    await dialog.getByText('12台中11台に反映しました').waitFor();
    await dialog.getByRole('button', { name: '閉じる' }).last().click();
    expect(fake.world.standings.map(({ action }) => action)).toEqual([{ kind: 'set-rule-pack', ...PACK.reference }]);
    expect(fake.world.orders).toEqual([]);
    await page.getByText('すべての端末（あとから登録する端末も含む）に配布しています').waitFor();
    await page.getByRole('button', { name: 'すべての端末を標準に戻す' }).click();
    await dialog.getByRole('button', { name: '標準に戻す' }).click();
    await dialog.getByText('12台中11台に反映しました').waitFor();
    expect(fake.world.standings.at(-1)?.action).toEqual({ kind: 'clear-rule-pack' });
    expect(session.problems).toEqual([]);
  });
});
