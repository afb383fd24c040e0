import { Button, Kbd, Menu } from '@mantine/core';
import { spotlight } from '@mantine/spotlight';
import { IconChevronDown, IconLogout, IconSearch, IconSettings, IconUser } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { callApi } from '../api-client.ts';
import { visibleText } from '../components/visible-text.ts';
import { LanguageSwitch } from './language-switch.tsx';
import { SESSION_KEY, useSession } from './session.ts';
import classes from './shell.module.css';
import { Wordmark } from './wordmark.tsx';

const isApple = () => /mac|iphone|ipad/i.test(navigator.userAgent);

/** Search of everything, the language, and who is signed in. */
export function TopBar() {
  const { t } = useTranslation();
  return (
    <header className={classes['top']}>
      <Link to="/" className={classes['topMark']}>
        <Wordmark />
      </Link>
      <button
        type="button"
        aria-keyshortcuts="Control+K Meta+K"
        className={classes['paletteButton']}
        onClick={() => spotlight.open()}
      >
        <IconSearch size={18} aria-hidden />
        <span className={classes['paletteWords']}>{t('palette.open')}</span>
        <span className={classes['paletteKeys']} aria-hidden>
          <Kbd size="xs">{isApple() ? '⌘' : 'Ctrl'}</Kbd> <Kbd size="xs">K</Kbd>
        </span>
      </button>
      <LanguageSwitch />
      <UserMenu />
    </header>
  );
}

function UserMenu() {
  const { t } = useTranslation();
  const { user } = useSession();
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: () => callApi('signOut', {}),
    onSettled: async () => {
      await navigate('/sign-in');
      client.clear();
      client.setQueryData(SESSION_KEY, null);
    },
  });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button
          variant="subtle"
          size="sm"
          leftSection={<IconUser size={18} aria-hidden />}
          rightSection={<IconChevronDown size={14} aria-hidden />}
          aria-label={t('user.menu', { name: visibleText(user.name, 60) })}
        >
          <span className={classes['userName']}>{visibleText(user.name, 60)}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t(`role.${user.role}`)}</Menu.Label>
        <Menu.Item component={Link} to="/settings/appearance" leftSection={<IconSettings size={16} aria-hidden />}>
          {t('settings.section.appearance')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => signOut.mutate()}>
          {t('user.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
