import { ABSOLUTE_LIFETIME_MS } from '../../contexts/identity/api.ts';

/** The session cookie: its name and attributes depend on whether browsers reach the console over TLS. */
export interface SessionCookie {
  /** The secret in a request's `Cookie` header, if it has the form of one of ours. */
  read(header: string | undefined): string | undefined;
  set(secret: string): string;
  clear(): string;
}

const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * `__Host-` binds the cookie to this host, to TLS and to the whole site; plain HTTP, which is meant for the
 * machine's own loopback, cannot have it.
 */
export function createSessionCookie(publicUrl: string): SessionCookie {
  const secure = new URL(publicUrl).protocol === 'https:';
  const name = secure ? '__Host-yagura' : 'yagura';
  const attributes = `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return {
    read(header) {
      for (const part of (header ?? '').split(';')) {
        const [key, value] = part.trim().split('=', 2);
        if (key === name && value !== undefined && SECRET.test(value)) return value;
      }
      return undefined;
    },
    set: (secret) => `${name}=${secret}; ${attributes}; Max-Age=${ABSOLUTE_LIFETIME_MS / 1_000}`,
    clear: () => `${name}=; ${attributes}; Max-Age=0`,
  };
}
