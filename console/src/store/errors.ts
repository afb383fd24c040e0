/** Conditions of the database that the outside world causes; all else is a bug and throws as it came. */
export const STORE_CODES = [
  'database_damaged',
  'database_full',
  'database_busy',
  'database_unreachable',
  'database_read_only',
  'database_newer',
] as const;
export type StoreCode = (typeof STORE_CODES)[number];

/** Thrown by every operation of the store when the database itself cannot do its work. */
export class StoreError extends Error {
  readonly code: StoreCode;

  constructor(code: StoreCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
