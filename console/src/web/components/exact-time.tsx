import { useEffect, useState } from 'react';
import classes from './exact-time.module.css';

/** Room that the words need at most, and that the bar at the foot of narrow screens takes. In pixels. */
const WIDTH = 350;
const FOOT = 130;
const GAP = 6;

interface Shown {
  readonly element: Element;
  readonly text: string;
  readonly left: number;
  readonly top: number;
  readonly above: boolean;
}

/**
 * Shows the exact time that a `time` element holds for the mouse when a finger taps on it. One for the whole
 * page, so that rows by the thousand carry nothing for it. A time within a link or a button is left alone:
 * there the tap has a meaning of its own.
 */
export function ExactTime() {
  const [shown, setShown] = useState<Shown>();
  useEffect(() => {
    const hide = () => setShown(undefined);
    const onClick = ({ target }: MouseEvent) => {
      const element = target instanceof Element ? target.closest<HTMLElement>('time[title]') : null;
      const own = element !== null && element.closest('a, button') === null ? element : undefined;
      setShown((before) => (own === undefined || before?.element === own ? undefined : placeAt(own)));
    };
    const onKey = ({ key }: KeyboardEvent) => {
      if (key === 'Escape') hide();
    };
    document.addEventListener('click', onClick, true);
    document.addEventListener('keydown', onKey, true);
    document.addEventListener('scroll', hide, { capture: true, passive: true });
    window.addEventListener('resize', hide);
    return () => {
      document.removeEventListener('click', onClick, true);
      document.removeEventListener('keydown', onKey, true);
      document.removeEventListener('scroll', hide, { capture: true });
      window.removeEventListener('resize', hide);
    };
  }, []);
  // Always in the document: only what changes within a live region is read out.
  return (
    <output
      className={classes['bubble']}
      data-above={shown?.above === true || undefined}
      style={shown === undefined ? undefined : { left: shown.left, top: shown.top }}
    >
      {shown?.text}
    </output>
  );
}

function placeAt(element: HTMLElement): Shown {
  const box = element.getBoundingClientRect();
  const above = box.bottom + FOOT > window.innerHeight;
  return {
    element,
    text: element.title,
    left: Math.max(GAP, Math.min(box.left, window.innerWidth - WIDTH - GAP)),
    top: above ? box.top - GAP : box.bottom + GAP,
    above,
  };
}
