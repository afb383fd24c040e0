// See data-table.tsx.
/* oxlint-disable jsx-a11y/prefer-tag-over-role */
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react';
import classes from './data-table.module.css';
import type { Column } from './data-table.tsx';

interface ColumnHeaderProps {
  readonly column: Pick<Column<never>, 'id' | 'header' | 'sortable' | 'align'>;
  readonly sort: string | undefined;
  readonly onSort: ((sort: string) => void) | undefined;
}

/** A sort is a column's id, or the id after `-` for the other direction. */
export function ColumnHeader({ column, sort, onSort }: ColumnHeaderProps) {
  const { id, header, sortable = false, align } = column;
  const direction = sort === id ? 'ascending' : sort === `-${id}` ? 'descending' : undefined;
  const Glyph = direction === 'ascending' ? IconArrowUp : direction === 'descending' ? IconArrowDown : IconArrowsSort;
  return (
    <div
      role="columnheader"
      className={classes['columnHeader']}
      data-align={align}
      {...(sortable ? { 'aria-sort': direction ?? ('none' as const) } : {})}
    >
      {sortable && onSort !== undefined ? (
        <button
          type="button"
          className={classes['sort']}
          data-active={direction !== undefined || undefined}
          onClick={() => onSort(direction === 'ascending' ? `-${id}` : id)}
        >
          {header}
          <Glyph size={14} aria-hidden />
        </button>
      ) : (
        header
      )}
    </div>
  );
}
