import classes from './wordmark.module.css';

/** The product's name with its sign, a watchtower. */
export function Wordmark() {
  return (
    <span className={classes['wordmark']}>
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#1d4e6b" />
        <path d="M6 12 16 6l10 6v2H6zM9 16h14v2H9zM11 20h3v6h-3zM18 20h3v6h-3z" fill="#fff" />
      </svg>
      Yagura
    </span>
  );
}
