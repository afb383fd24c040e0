import { Button, Center, Loader, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useSearchParams } from 'react-router';
import { ApiError, callApi } from '../../api-client.ts';
import { SESSION_KEY } from '../../app/session.ts';
import { CopyLine } from '../../components/copy-line.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Notice } from '../../components/notice.tsx';
import { useDocumentTitle } from '../../components/use-document-title.ts';
import { adminLinkCommand } from '../orders/admin-link.ts';
import { registerApprover } from '../orders/register-approver.ts';
import { APPROVER_KEYS_QUERY } from '../orders/use-approver.ts';
import { type LinkFragment, type TakenFragment, takeLinkFragment } from './link-fragment.ts';
import { rememberPage, takeRememberedPage } from './remembered-page.ts';
import { safeReturnPath } from './return-path.ts';
import { SignInFrame } from './sign-in-frame.tsx';
import { announceSignIn, useSignInNews } from './sign-in-news.ts';

interface SignInOutcome {
  /** Set when the session began but this browser could not be registered for approving. */
  readonly registrationError?: unknown;
}

/** Uses up a one-time link, then registers this browser for approving orders. */
export default function SignInPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [params] = useSearchParams();
  const [fragment, setFragment] = useState<TakenFragment>();
  const returnPath = params.get('return');
  // The tab that asks for a link is often not the one in which it is opened.
  useEffect(() => {
    if (returnPath !== null) rememberPage(safeReturnPath(returnPath), Date.now());
  }, [returnPath]);
  const goOn = () => {
    const remembered = takeRememberedPage(Date.now());
    void navigate(safeReturnPath(returnPath ?? remembered ?? null), { replace: true });
  };
  useDocumentTitle(t('signIn.title'));

  const { mutate, ...signIn } = useMutation({
    mutationFn: async (link: LinkFragment): Promise<SignInOutcome> => {
      const session = await callApi('signIn', { body: { secret: link.secret } });
      let outcome: SignInOutcome = {};
      let current = session;
      if (session.user.role === 'admin') {
        try {
          await registerApprover(session, link.approverCode, Date.now());
          current = await callApi('session', {});
        } catch (error) {
          outcome = { registrationError: error };
        }
      }
      announceSignIn();
      client.setQueryData(SESSION_KEY, current);
      await client.invalidateQueries({ queryKey: APPROVER_KEYS_QUERY });
      return outcome;
    },
    onSuccess: (outcome) => {
      if (outcome.registrationError === undefined) goOn();
    },
  });

  const resume = useMutation({
    mutationFn: () => callApi('session', {}),
    onSuccess: (session) => {
      client.setQueryData(SESSION_KEY, session);
      goOn();
    },
  });
  useSignInNews(() => {
    if (!signIn.isPending && !signIn.isSuccess) resume.mutate();
  });

  // A link works once: it must not be used twice when React runs effects twice or the person comes back.
  const used = useRef<string | undefined>(undefined);
  useEffect(() => {
    const take = () => {
      const taken = takeLinkFragment();
      if (taken === undefined) return;
      setFragment(taken);
      if (taken === 'malformed' || used.current === taken.secret) return;
      used.current = taken.secret;
      mutate(taken);
    };
    take();
    window.addEventListener('hashchange', take);
    return () => window.removeEventListener('hashchange', take);
  }, [mutate]);

  if (signIn.isPending) {
    return (
      <SignInFrame>
        <Center component="output">
          <Stack align="center" gap="sm">
            <Loader aria-hidden />
            <Text>{t('signIn.working')}</Text>
          </Stack>
        </Center>
      </SignInFrame>
    );
  }
  if (signIn.isSuccess && signIn.data.registrationError !== undefined) {
    return (
      <SignInFrame>
        <Title order={1}>{t('signIn.halfway.title')}</Title>
        <Text>{t('signIn.halfway.words')}</Text>
        <ErrorNotice error={signIn.data.registrationError} />
        <Button onClick={goOn}>{t('signIn.halfway.goOn')}</Button>
      </SignInFrame>
    );
  }
  const linkFailed = signIn.error instanceof ApiError && signIn.error.code.startsWith('link_');
  return (
    <SignInFrame>
      <Title order={1}>{t('signIn.title')}</Title>
      {params.get('ended') === '1' && signIn.error === null ? (
        <Notice tone="information">{t('signIn.ended')}</Notice>
      ) : null}
      {fragment === 'malformed' ? <Notice tone="attention">{t('signIn.malformed')}</Notice> : null}
      {signIn.isError ? (
        <ErrorNotice
          error={signIn.error}
          {...(linkFailed || fragment === undefined || fragment === 'malformed'
            ? {}
            : { onRetry: () => mutate(fragment) })}
        />
      ) : null}
      <Text>{t('signIn.howTo')}</Text>
      <CopyLine text={adminLinkCommand()} label={t('approver.missing.command')} />
      <Text size="sm" c="dimmed">
        {t('signIn.note')}
      </Text>
    </SignInFrame>
  );
}
