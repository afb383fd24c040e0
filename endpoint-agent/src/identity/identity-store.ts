import { systemCode } from '../platform/durable-file.ts';
import { createKeyAndRequest } from './certificate-request.ts';
import { certificateFingerprint, findFault, type Identity, saveIdentity, validityOf } from './identity.ts';

export type RenewalResult =
  | { ok: true; notAfter: number }
  | {
      ok: false;
      code:
        | 'renewal_unexpected'
        | 'gateway_untrusted'
        | 'certificate_mismatch'
        | 'response_malformed'
        | 'state_unwritable';
    };

/** The endpoint's identity while the agent runs, and the way in which it is renewed (SPEC EN9). */
export interface IdentityStore {
  current(): Identity;
  /** True from two thirds of the certificate's life on, by the console's clock. */
  renewalDue(consoleNow: number): boolean;
  /** A request for a new key; a second call forgets the first. The key stays in memory until it counts. */
  beginRenewal(): Promise<string>;
  /** Switches to the new key and certificate in one file replacement, or keeps the old ones. */
  completeRenewal(answer: { readonly certificate: string; readonly ca: string }): RenewalResult;
}

export function createIdentityStore(stateDir: string, identity: Identity): IdentityStore {
  let current = identity;
  let pendingKey: string | undefined;
  return {
    current: () => current,
    renewalDue: (consoleNow) => {
      const { notBefore, notAfter } = validityOf(current.certificate);
      return consoleNow >= notBefore + ((notAfter - notBefore) * 2) / 3;
    },
    beginRenewal: async () => {
      const { privateKey, csr } = await createKeyAndRequest();
      pendingKey = privateKey;
      return csr;
    },
    completeRenewal: ({ certificate, ca }) => {
      if (pendingKey === undefined) return { ok: false, code: 'renewal_unexpected' };
      const next: Identity = Object.freeze({ ...current, certificate, privateKey: pendingKey });
      try {
        if (certificateFingerprint(ca) !== certificateFingerprint(current.ca)) {
          return { ok: false, code: 'gateway_untrusted' };
        }
      } catch {
        return { ok: false, code: 'response_malformed' };
      }
      const fault = findFault(next);
      if (fault !== undefined) return { ok: false, code: fault.code };
      try {
        saveIdentity(stateDir, next);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        return { ok: false, code: 'state_unwritable' };
      }
      current = next;
      pendingKey = undefined;
      return { ok: true, notAfter: validityOf(certificate).notAfter };
    },
  };
}
