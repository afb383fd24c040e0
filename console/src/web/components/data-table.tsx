// Rows are placed by transforms, which a table's own elements cannot be; the roles say what they are.
/* oxlint-disable jsx-a11y/prefer-tag-over-role */
import { Checkbox, Skeleton, VisuallyHidden } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import classes from './data-table.module.css';
import { ColumnHeader } from './data-table-header.tsx';

export interface Column<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** A track of the CSS grid. */
  readonly width: string;
  readonly sortable?: boolean;
  /** On a narrow screen a row is a small card: its first line, its second line, or nothing. */
  readonly narrow: 'first' | 'second' | 'hidden';
  readonly align?: 'end';
}

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly onChange: (ids: ReadonlySet<string>) => void;
  /** The name of a row, for its checkbox. */
  readonly nameOf: (id: string) => string;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  /** All rows of the filter, when more than are loaded; -1 when their number is unknown (as in ARIA). */
  readonly total?: number | undefined;
  readonly sort?: string | undefined;
  readonly onSort?: ((sort: string) => void) | undefined;
  readonly selection?: Selection | undefined;
  readonly onEndReached?: (() => void) | undefined;
  readonly loading?: boolean;
}

const ROW_HEIGHT = 56;
const SKELETON_ROWS = 8;

/**
 * A table that stays smooth with ten thousand rows: only the visible ones are in the document, and the
 * numbers of rows are told to screen readers. Arrow keys (or j and k) walk the rows, x selects.
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowId, total, sort, onSort, selection, onEndReached, loading = false } = props;
  const { t } = useTranslation();
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false });
  const body = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const table = useRef<HTMLDivElement>(null);
  // Whatever stands above the table may grow or go: where its body begins is measured with the page.
  useLayoutEffect(() => {
    const measure = () => setMargin(Math.round((body.current?.getBoundingClientRect().top ?? 0) + window.scrollY));
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    measure();
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = table.current;
    element?.addEventListener('keydown', walkRows);
    return () => element?.removeEventListener('keydown', walkRows);
  }, []);
  // oxlint-disable-next-line react/incompatible-library -- concerns the React compiler, which is not used
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    scrollMargin: margin,
    getItemKey: (index) => {
      const row = rows[index];
      return row === undefined ? index : rowId(row);
    },
  });
  // Rows out of sight were measured in the other layout.
  useEffect(() => virtualizer.measure(), [narrow, virtualizer]);
  const items = virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - 30) onEndReached?.();
  }, [lastShown, rows.length, onEndReached]);

  const template = [...(selection === undefined ? [] : ['2.75rem']), ...columns.map((column) => column.width)].join(
    ' ',
  );
  const style = { '--columns': template } as Record<string, string>;
  const allSelected = rows.length > 0 && rows.every((row) => selection?.ids.has(rowId(row)));
  const toggle = (id: string) => {
    if (selection === undefined) return;
    const next = new Set(selection.ids);
    if (!next.delete(id)) next.add(id);
    selection.onChange(next);
  };

  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={total === undefined ? rows.length + 1 : total < 0 ? -1 : total + 1}
      aria-busy={loading}
      className={classes['table']}
      data-layout={narrow ? 'cards' : 'columns'}
      style={style}
      ref={table}
    >
      <div role="rowgroup" className={classes['head']}>
        <div role="row" aria-rowindex={1} className={classes['row']}>
          {selection === undefined ? null : (
            <div role="columnheader" className={classes['check']}>
              <Checkbox
                aria-label={t('list.selectAll')}
                checked={allSelected}
                indeterminate={!allSelected && selection.ids.size > 0}
                onChange={() => selection.onChange(allSelected ? new Set() : new Set(rows.map(rowId)))}
              />
            </div>
          )}
          {columns.map((column) => (
            <ColumnHeader key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
        </div>
      </div>
      <div role="rowgroup" ref={body} className={classes['body']}>
        {loading ? <SkeletonRows columns={columns} selectable={selection !== undefined} /> : null}
        <div role="presentation" style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const id = rowId(row);
            const selected = selection?.ids.has(id) ?? false;
            return (
              <div
                key={item.key}
                role="row"
                aria-rowindex={item.index + 2}
                data-index={item.index}
                data-selected={selected || undefined}
                data-selectable={selection === undefined ? undefined : true}
                ref={virtualizer.measureElement}
                className={classes['row']}
                style={{ transform: `translateY(${item.start - virtualizer.options.scrollMargin}px)` }}
              >
                {selection === undefined ? null : (
                  <div role="cell" className={classes['check']}>
                    <Checkbox
                      aria-label={t('list.selectRow', { name: selection.nameOf(id) })}
                      checked={selected}
                      onChange={() => toggle(id)}
                      data-row-check
                    />
                  </div>
                )}
                {columns.map((column) => (
                  <div
                    key={column.id}
                    role="cell"
                    className={classes['cell']}
                    data-narrow={column.narrow}
                    data-align={column.align}
                  >
                    {column.cell(row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Moves the focus between the rows' links, for hands that stay on the keyboard. */
function walkRows(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const table = event.currentTarget as HTMLElement;
  const row = target.closest<HTMLElement>('[data-index]');
  if (row === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'x') {
    row.querySelector<HTMLElement>('[data-row-check]')?.click();
    return;
  }
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined || target.tagName === 'SELECT') return;
  const next = table.querySelector<HTMLElement>(`[data-index="${Number(row.dataset['index']) + step}"]`);
  const focusable = next?.querySelector<HTMLElement>('a[href]') ?? next?.querySelector<HTMLElement>('button, input');
  if (focusable === null || focusable === undefined) return;
  event.preventDefault();
  focusable.focus();
  next?.scrollIntoView({ block: 'nearest' });
}

function SkeletonRows({ columns, selectable }: { columns: readonly Column<never>[]; selectable: boolean }) {
  const { t } = useTranslation();
  return (
    <>
      <VisuallyHidden role="status">{t('list.loading')}</VisuallyHidden>
      {Array.from({ length: SKELETON_ROWS }, (_, index) => (
        <div key={index} className={classes['row']} data-static aria-hidden>
          {selectable ? <div className={classes['check']} /> : null}
          {columns.map((column) => (
            <div key={column.id} className={classes['cell']} data-narrow={column.narrow}>
              <Skeleton height={14} width={`${55 + ((index * 17 + column.id.length * 13) % 40)}%`} radius="sm" />
            </div>
          ))}
        </div>
      ))}
    </>
  );
}
