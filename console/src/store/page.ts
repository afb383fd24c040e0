import { type RawBuilder, sql } from 'kysely';

/** What may be sorted by: names of the interface, each with an expression that is never null. */
export type Sorts = Readonly<Record<string, RawBuilder<string | number>>>;

export interface PageQuery {
  /** A name of `Sorts`; `-` in front of it sorts descending. */
  readonly sort?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

export interface PagePlan {
  /** Rows behind the cursor; always true on the first page. */
  readonly after: RawBuilder<boolean>;
  readonly direction: 'asc' | 'desc';
  readonly by: RawBuilder<string | number>;
  readonly id: RawBuilder<string>;
  /** One more than the page holds, so that one knows whether there is a next one. */
  readonly fetch: number;
  /** Cuts the rows to the page and names the next one. */
  cut<Row>(rows: readonly Row[], keyOf: (row: Row) => CursorKey): { rows: Row[]; next?: string };
}

export type CursorKey = readonly [value: string | number, id: string];

const DEFAULT_LIMIT = 100;

/**
 * Plans a page that stays stable while rows come and go: the cursor is the last row's sort value and id, not
 * an offset. Nothing when `sort` or `cursor` is none of ours.
 */
export function planPage(
  query: PageQuery,
  sorts: Sorts,
  defaultSort: string,
  id: RawBuilder<string>,
): PagePlan | undefined {
  const wanted = query.sort ?? defaultSort;
  const name = wanted.replace(/^-/, '');
  const by = Object.hasOwn(sorts, name) ? sorts[name] : undefined;
  if (!by) return undefined;
  const direction = wanted.startsWith('-') ? 'desc' : 'asc';
  let after = sql<boolean>`1 = 1`;
  if (query.cursor !== undefined) {
    const key = parseCursor(query.cursor);
    if (!key) return undefined;
    after =
      direction === 'asc'
        ? sql<boolean>`(${by}, ${id}) > (${key[0]}, ${key[1]})`
        : sql<boolean>`(${by}, ${id}) < (${key[0]}, ${key[1]})`;
  }
  const limit = query.limit ?? DEFAULT_LIMIT;
  return {
    after,
    direction,
    by,
    id,
    fetch: limit + 1,
    cut(rows, keyOf) {
      if (rows.length <= limit) return { rows: [...rows] };
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return last === undefined ? { rows: page } : { rows: page, next: formatCursor(keyOf(last)) };
    },
  };
}

function formatCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

function parseCursor(cursor: string): CursorKey | undefined {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (!Array.isArray(key) || key.length !== 2) return undefined;
    const [value, id]: unknown[] = key;
    if (typeof id !== 'string' || (typeof value !== 'string' && typeof value !== 'number')) return undefined;
    return [value, id];
  } catch {
    return undefined;
  }
}

/**
 * A text to sort by, without regard to the case of ASCII letters. Its first 64 characters count: the cursor
 * carries the value and has to fit into an address.
 */
export function textSort(expression: RawBuilder<string>): RawBuilder<string> {
  return sql<string>`substr(lower(${expression}), 1, 64)`;
}

/** Whether a text contains another, without regard to the case of ASCII letters; `%` and `_` are letters. */
export function contains(expression: RawBuilder<string>, text: string): RawBuilder<boolean> {
  const escaped = text.toLowerCase().replaceAll(/[\\%_]/g, (char) => `\\${char}`);
  return sql<boolean>`lower(${expression}) LIKE ${`%${escaped}%`} ESCAPE '\\'`;
}
