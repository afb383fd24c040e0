import type { Readable } from 'node:stream';
import type { RulePackReference } from '@yagura/protocol';
import type { RulePackList, RulePackRow } from '../../api/rule-packs.ts';
import type { Result } from '../../platform/http-errors.ts';
import type { Actor } from '../identity/api.ts';

type Doer = Pick<Actor, 'tenantId' | 'name'>;

/** A pack's content, for the gateway. `read` opens the file anew with each call. */
export interface StoredPack {
  readonly size: number;
  read(): Readable;
}

/** Compiled rule packs that a tenant may send to its endpoints. Sending one is an order; this only keeps them. */
export interface RulePacks {
  // --- for people ---
  list(tenantId: string): Promise<RulePackList>;
  /** Takes in a pack as it comes. The same content a second time changes nothing. */
  add(actor: Doer, content: Readable): Promise<Result<RulePackRow>>;
  remove(actor: Doer, sha256: string): Promise<Result<void>>;

  // --- for orders and the gateway ---
  exists(tenantId: string, reference: RulePackReference): Promise<boolean>;
  open(tenantId: string, sha256: string): Promise<StoredPack | undefined>;
}
