/** What a one-time link carries behind `#`: it never reaches the server in a request's line or a log. */
export interface LinkFragment {
  readonly secret: string;
  readonly approverCode: string;
}

const FRAGMENT = /^#([A-Za-z0-9_-]{16,128})\.([A-Za-z0-9_-]{16,128})$/;

/** Undefined when the fragment is not that of a sign-in link. */
export function parseLinkFragment(hash: string): LinkFragment | undefined {
  const match = FRAGMENT.exec(hash);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { secret: match[1], approverCode: match[2] };
}

export type TakenFragment = LinkFragment | 'malformed' | undefined;

/** Reads the fragment and at once takes it out of the address bar and the history. */
export function takeLinkFragment(): TakenFragment {
  const { hash, pathname, search } = window.location;
  if (hash === '' || hash === '#') return undefined;
  window.history.replaceState(window.history.state, '', pathname + search);
  return parseLinkFragment(hash) ?? 'malformed';
}
