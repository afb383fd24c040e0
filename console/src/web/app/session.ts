import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect } from 'react';
import type { Session } from '../../api/index.ts';
import { ApiError, callApi, sessionEnded } from '../api-client.ts';

export const SESSION_KEY = ['session'] as const;

/** The session, `null` when nobody is signed in. */
export function useSessionQuery() {
  const client = useQueryClient();
  useEffect(() => {
    const end = () => client.setQueryData(SESSION_KEY, null);
    sessionEnded.addEventListener('ended', end);
    return () => sessionEnded.removeEventListener('ended', end);
  }, [client]);
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        return await callApi('session', {}, signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
    refetchInterval: 5 * 60_000,
    staleTime: 60_000,
  });
}

const SessionContext = createContext<Session | undefined>(undefined);
export const SessionProvider = SessionContext.Provider;

/** Who is signed in; only below the shell, which shows nothing without a session. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('useSession outside of the shell');
  return session;
}

/** Whether this person may change things at all. */
export function useIsAdmin(): boolean {
  return useSession().user.role === 'admin';
}
