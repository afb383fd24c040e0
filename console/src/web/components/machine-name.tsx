import classes from './machine-name.module.css';
import { hasOwnName } from './status.ts';
import { Untrusted } from './untrusted.tsx';

/** A machine as its users call it, the host name small beside. */
export function MachineName({ row }: { row: { readonly displayName: string; readonly hostname: string } }) {
  return (
    <span className={classes['machine']}>
      <Untrusted text={row.displayName} />
      {hasOwnName(row) ? (
        <span className={classes['host']}>
          <Untrusted text={row.hostname} />
        </span>
      ) : null}
    </span>
  );
}
