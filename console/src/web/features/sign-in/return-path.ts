/** Only a path of this site is followed after signing in. */
export function safeReturnPath(path: string | null): string {
  return path !== null && /^\/(?![/\\])[\x21-\x7e]*$|^\/$/.test(path) ? path : '/';
}
