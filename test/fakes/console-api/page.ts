interface PageQuery {
  readonly search?: string | undefined;
  readonly sort?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** Filters, sorts and cuts rows as the real lists do; the cursor is an offset. */
export function pageOf<Row extends object>(
  rows: readonly Row[],
  query: PageQuery,
  searched: readonly (keyof Row & string)[],
  defaultSort: string,
): { items: Row[]; next?: string } {
  const wanted = query.search?.toLowerCase();
  const matching =
    wanted === undefined
      ? rows
      : rows.filter((row) =>
          searched.some((key) =>
            JSON.stringify(row[key] ?? '')
              .toLowerCase()
              .includes(wanted),
          ),
        );
  const sort = query.sort ?? defaultSort;
  const descending = sort.startsWith('-');
  const key = (descending ? sort.slice(1) : sort) as keyof Row;
  const sorted = matching.toSorted((a, b) => compare(a[key], b[key]) * (descending ? -1 : 1));
  const offset = Number(query.cursor ?? 0);
  const limit = query.limit ?? 100;
  const items = sorted.slice(offset, offset + limit);
  const next = offset + limit;
  return next < sorted.length ? { items, next: String(next) } : { items };
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return (typeof a === 'string' ? a : '').localeCompare(typeof b === 'string' ? b : '', 'ja');
}
