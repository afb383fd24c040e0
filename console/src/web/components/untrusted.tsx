import { type CSSProperties, Fragment } from 'react';
import classes from './untrusted.module.css';
import { visiblePieces } from './visible-text.ts';

interface UntrustedProps {
  readonly text: string;
  /** Code is set in a fixed pitch and may break anywhere. */
  readonly code?: boolean;
  /** Kept on one line, the rest behind an ellipsis; the whole string is in the tooltip. */
  readonly truncate?: boolean;
  readonly style?: CSSProperties;
}

/**
 * The one way in which strings of endpoints, files and rules reach the screen: inert, isolated from the
 * direction of the text around, and with every invisible character shown as an escape.
 */
export function Untrusted({ text, code = false, truncate = false, style }: UntrustedProps) {
  const pieces = visiblePieces(text);
  const className = [classes['root'], code ? classes['code'] : '', truncate ? classes['truncate'] : ''].join(' ');
  return (
    <bdi className={className} style={style} title={truncate ? pieces.map((piece) => piece.text).join('') : undefined}>
      {pieces.map((piece) =>
        piece.escaped ? (
          <span key={piece.at} className={classes['escape']}>
            {piece.text}
          </span>
        ) : (
          <Fragment key={piece.at}>{piece.text}</Fragment>
        ),
      )}
    </bdi>
  );
}
