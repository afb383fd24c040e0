import { APPROVAL_SIGNATURE_CONTEXT, Approval, SignedApproval } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { APPROVAL_LIFETIME_MS, type Approver, approveAll, buildApproval } from './approve.ts';
import { decodeBase64Url } from './bytes.ts';
import { macOfPublicKey } from './register-approver.ts';

const NOW = 1_795_000_000_000;
let serial = 0;
const context = { now: () => NOW, newId: () => `id-${++serial}` };

async function makeApprover(): Promise<{ approver: Approver; publicKey: CryptoKey }> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  return { approver: { tenantId: 't', keyId: 'k', privateKey: pair.privateKey }, publicKey: pair.publicKey };
}

async function verifies(
  signed: SignedApproval,
  publicKey: CryptoKey,
  prefix = APPROVAL_SIGNATURE_CONTEXT,
): Promise<boolean> {
  const bytes = Buffer.concat([Buffer.from(prefix), Buffer.from(signed.payload, 'base64')]);
  const signature = Buffer.from(signed.signature, 'base64');
  return crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, signature, bytes);
}

describe('approvals', () => {
  test('[CM2] an approval is exactly the protocol’s, for five minutes', async () => {
    const { approver } = await makeApprover();
    const approval = buildApproval(
      { endpointId: 'e', action: { kind: 'set-policy', mode: 'observe' } },
      approver,
      context,
    );
    expect(Approval.parse(approval)).toEqual(approval);
    expect(approval.expiresAt - approval.approvedAt).toBe(APPROVAL_LIFETIME_MS);
    expect(approval).toMatchObject({ tenantId: 't', endpointId: 'e', approverKeyId: 'k' });
  });

  test('[CM2] the signature covers the exact bytes behind their context, in P1363 form', async () => {
    const { approver, publicKey } = await makeApprover();
    const [signed] = await approveAll([{ endpointId: 'e', action: { kind: 'test-detection' } }], approver, context);
    expect(SignedApproval.parse(signed)).toEqual(signed);
    if (signed === undefined) throw new Error('nothing signed');
    expect(Buffer.from(signed.signature, 'base64')).toHaveLength(64);
    expect(await verifies(signed, publicKey)).toBe(true);
    expect(await verifies(signed, publicKey, 'yagura-order-v1\0')).toBe(false);
    const changed = {
      ...signed,
      payload: Buffer.from(`${Buffer.from(signed.payload, 'base64').toString()} `).toString('base64'),
    };
    expect(await verifies(changed, publicKey)).toBe(false);
  });

  test('each order has an approval of its own', async () => {
    const { approver } = await makeApprover();
    const requests = Array.from({ length: 20 }, (_, index) => ({
      endpointId: `e${index}`,
      action: { kind: 'test-detection' } as const,
    }));
    const signed = await approveAll(requests, approver, context);
    const ids = signed.map(
      (each) => Approval.parse(JSON.parse(Buffer.from(each.payload, 'base64').toString())).approvalId,
    );
    expect(new Set(ids).size).toBe(20);
  });

  test('text of every script survives the way through base64', async () => {
    const { approver } = await makeApprover();
    const exclusion = {
      exclusionId: 'x',
      match: { by: 'rule', ruleId: 'r' } as const,
      owner: '総務 田中',
      reason: '会計ソフト😀',
      createdAt: NOW,
      expiresAt: NOW + 1,
    };
    const action = { kind: 'set-exclusions' as const, version: 2, exclusions: [exclusion] };
    const [signed] = await approveAll([{ endpointId: 'e', action }], approver, context);
    const read = Approval.parse(JSON.parse(Buffer.from(signed?.payload ?? '', 'base64').toString('utf8')));
    expect(read.action).toEqual(action);
  });
});

describe('registering a browser', () => {
  test('the proof is HMAC-SHA256 under the link’s code', async () => {
    const { createHmac } = await import('node:crypto');
    const spki = new Uint8Array([1, 2, 3]);
    const code = decodeBase64Url('AAECAwQFBgcICQoLDA0ODw');
    if (code === undefined) throw new Error('code');
    expect(await macOfPublicKey(spki, code)).toBe(createHmac('sha256', code).update(spki).digest('base64'));
  });

  test.each(['', 'a b', 'ab=', 'あ', 'a'])('%j is no code', (text) => {
    expect(decodeBase64Url(text)).toBeUndefined();
  });
});
