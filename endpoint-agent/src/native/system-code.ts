/** The `code` of a system error such as `EACCES`; undefined for anything else, which is a bug. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('ERR_') ? undefined : error.code;
}
