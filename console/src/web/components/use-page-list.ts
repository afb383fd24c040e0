import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';

interface Page<Row> {
  readonly items: readonly Row[];
  readonly next?: string | undefined;
}

/** Rows that are asked for at once: several screens of them. */
export const PAGE_SIZE = 200;

/** A list that is read page by page as its end comes into sight. */
export function usePageList<P extends Page<unknown>>(
  queryKey: readonly unknown[],
  fetchPage: (cursor: string | undefined, signal: AbortSignal) => Promise<P>,
) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => fetchPage(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: P) => last.next,
    placeholderData: keepPreviousData,
  });
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const onEndReached = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  const rows = useMemo<P['items'][number][]>(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return { query, rows, first: query.data?.pages[0], onEndReached };
}
