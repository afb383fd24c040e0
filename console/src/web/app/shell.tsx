import { Skeleton, Stack, VisuallyHidden } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, Outlet, useLocation } from 'react-router';
import { ErrorNotice } from '../components/error-notice.tsx';
import { ExactTime } from '../components/exact-time.tsx';
import { APPROVER_KEYS_QUERY, useApprover } from '../features/orders/use-approver.ts';
import { SignInFrame } from '../features/sign-in/sign-in-frame.tsx';
import { useSignInNews } from '../features/sign-in/sign-in-news.ts';
import { LiveBanner } from './live-banner.tsx';
import { BottomBar, SideBar } from './nav-bars.tsx';
import { SESSION_KEY, SessionProvider, useSessionQuery } from './session.ts';
import classes from './shell.module.css';
import { TopBar } from './top-bar.tsx';
import { useLive } from './use-live.ts';

const CommandPalette = lazy(() => import('./command-palette.tsx'));

/** The frame of every page that needs a session; without one it leads to the sign-in page. */
export function Shell() {
  const { t } = useTranslation();
  const session = useSessionQuery();
  const location = useLocation();
  const [signedIn, setSignedIn] = useState(false);
  if (session.data !== undefined && session.data !== null && !signedIn) setSignedIn(true);
  if (session.data === null) {
    const query = new URLSearchParams({ return: location.pathname + location.search });
    // Whoever never had a session is not told that it has ended.
    if (signedIn) query.set('ended', '1');
    return <Navigate to={`/sign-in?${query.toString()}`} replace />;
  }
  if (session.data === undefined) {
    return session.isError ? (
      <SignInFrame>
        <ErrorNotice error={session.error} onRetry={() => void session.refetch()} />
      </SignInFrame>
    ) : (
      <VisuallyHidden component="output">{t('list.loading')}</VisuallyHidden>
    );
  }
  return (
    <SessionProvider value={session.data}>
      <SignedIn />
    </SessionProvider>
  );
}

function SignedIn() {
  const { t } = useTranslation();
  const live = useLive();
  // Read before the first order's dialog asks for it, so that its button is ready when it opens.
  useApprover();
  // A link that was opened in another tab: a dialog that waits for this browser's key can go on.
  const client = useQueryClient();
  useSignInNews(() => {
    void client.invalidateQueries({ queryKey: SESSION_KEY });
    void client.invalidateQueries({ queryKey: APPROVER_KEYS_QUERY });
  });
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const first = useRef(true);
  useEffect(() => {
    // A new page is announced and read from its top; tabs of the settings are no new page.
    if (!first.current && !pathname.startsWith('/settings/')) {
      window.scrollTo(0, 0);
      main.current?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [pathname]);
  return (
    <div className={classes['shell']}>
      <a href="#main" className={classes['skip']}>
        {t('nav.skip')}
      </a>
      <SideBar />
      <div className={classes['column']}>
        <TopBar />
        <LiveBanner state={live} />
        <main id="main" ref={main} tabIndex={-1} className={classes['main']}>
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <BottomBar />
      <ExactTime />
      <Suspense fallback={null}>
        <CommandPalette />
      </Suspense>
    </div>
  );
}

function PageSkeleton() {
  return (
    <Stack gap="md" aria-hidden>
      <Skeleton height={18} width={120} />
      <Skeleton height={34} width="60%" />
      <Skeleton height={240} />
    </Stack>
  );
}
