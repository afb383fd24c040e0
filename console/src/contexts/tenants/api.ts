import type { Tx } from '../../store/store.ts';

export interface Tenant {
  readonly tenantId: string;
  readonly name: string;
}

/** The customers that this console serves. */
export interface Tenants {
  /** Finds a tenant by its exact name or makes it. */
  ensure(tx: Tx, name: string): Promise<Tenant>;
  get(tenantId: string): Promise<Tenant | undefined>;
  list(): Promise<Tenant[]>;
}
