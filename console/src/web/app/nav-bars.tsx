import { useTranslation } from 'react-i18next';
import { Link, NavLink } from 'react-router';
import { Untrusted } from '../components/untrusted.tsx';
import { PAGES } from './navigation.ts';
import { useSession } from './session.ts';
import classes from './shell.module.css';
import { Wordmark } from './wordmark.tsx';

function Links({ className }: { className: string | undefined }) {
  const { t } = useTranslation();
  return PAGES.map(({ to, name, icon: Glyph }) => (
    <li key={to}>
      <NavLink to={to} end={to === '/'} className={className ?? ''}>
        <Glyph size={20} stroke={1.75} aria-hidden />
        {t(className === classes['bottomLink'] ? `navShort.${name}` : `nav.${name}`)}
      </NavLink>
    </li>
  ));
}

/** Navigation of wide screens. */
export function SideBar() {
  const { t } = useTranslation();
  const { tenant, consoleVersion } = useSession();
  return (
    <nav className={classes['side']} aria-label={t('nav.label')}>
      <div className={classes['sideInner']}>
        <Link to="/" className={classes['sideHead']}>
          <Wordmark />
        </Link>
        <ul className={classes['sideLinks']}>
          <Links className={classes['sideLink']} />
        </ul>
        <div className={classes['sideFoot']}>
          <div>
            <Untrusted text={tenant.name} />
          </div>
          <div>
            Yagura <Untrusted text={consoleVersion} />
          </div>
        </div>
      </div>
    </nav>
  );
}

/** Navigation of narrow screens, under the thumb. */
export function BottomBar() {
  const { t } = useTranslation();
  return (
    <nav className={classes['bottom']} aria-label={t('nav.label')}>
      <ul>
        <Links className={classes['bottomLink']} />
      </ul>
    </nav>
  );
}
