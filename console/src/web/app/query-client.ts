import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '../api-client.ts';

/** Answers that a second try cannot change. */
function isFinal(error: unknown): boolean {
  return error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The live feed says what has changed; this is for what changes without anybody's doing.
        staleTime: 15_000,
        refetchInterval: 60_000,
        retry: (failures, error) => failures < 2 && !isFinal(error),
        retryDelay: (attempt) => Math.min(4_000, 500 * 2 ** attempt),
      },
      mutations: { retry: false },
    },
  });
}
