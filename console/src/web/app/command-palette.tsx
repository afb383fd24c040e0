import { useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { IconDeviceDesktop, IconLanguage, IconMoon, IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { createElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { callApi } from '../api-client.ts';
import { hasOwnName } from '../components/status.ts';
import { visibleText } from '../components/visible-text.ts';
import { useLanguage } from '../i18n/i18n.ts';
import { PAGES } from './navigation.ts';
import { useIsAdmin } from './session.ts';

const FOUND = 6;
const icon = (glyph: typeof IconSearch) => createElement(glyph, { size: 20, 'aria-hidden': true });

/** Ctrl-K or Cmd-K: goes anywhere and finds machines by name. */
export default function CommandPalette() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const isAdmin = useIsAdmin();
  const { language, setLanguage } = useLanguage();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const [query, setQuery] = useState('');
  const [search] = useDebouncedValue(query.trim(), 200);
  const found = useQuery({
    queryKey: ['endpoints', 'palette', search],
    queryFn: ({ signal }) => callApi('listEndpoints', { query: { search, limit: FOUND } }, signal),
    enabled: search.length > 0,
  });
  const groups: SpotlightActionGroupData[] = [
    {
      group: t('palette.machines'),
      actions: (search === '' ? [] : (found.data?.items ?? [])).map((row) => ({
        id: `endpoint-${row.endpointId}`,
        label: visibleText(row.displayName, 80),
        description: hasOwnName(row) ? visibleText(row.hostname, 80) : '',
        leftSection: icon(IconDeviceDesktop),
        onClick: () => void navigate(`/endpoints/${row.endpointId}`),
      })),
    },
    {
      group: t('palette.pages'),
      actions: PAGES.map((page) => ({
        id: page.to,
        label: t(`nav.${page.name}`),
        leftSection: icon(page.icon),
        keywords: [page.name],
        onClick: () => void navigate(page.to),
      })),
    },
    {
      group: t('palette.commands'),
      actions: [
        ...(isAdmin
          ? [
              {
                id: 'add',
                label: t('fleet.add'),
                leftSection: icon(IconPlus),
                keywords: ['enrol', 'token'],
                onClick: () => void navigate('/settings/tokens'),
              },
            ]
          : []),
        {
          id: 'language',
          label: language === 'ja' ? 'English' : '日本語',
          leftSection: icon(IconLanguage),
          keywords: ['language', '言語'],
          onClick: () => setLanguage(language === 'ja' ? 'en' : 'ja'),
        },
        {
          id: 'scheme',
          label: t(scheme === 'dark' ? 'appearance.toLight' : 'appearance.toDark'),
          leftSection: icon(IconMoon),
          keywords: ['dark', 'light'],
          onClick: () => setColorScheme(scheme === 'dark' ? 'light' : 'dark'),
        },
      ],
    },
  ];
  return (
    <Spotlight
      actions={groups}
      shortcut={['mod + K']}
      query={query}
      onQueryChange={setQuery}
      scrollable
      maxHeight={420}
      nothingFound={t('list.nothingFound')}
      searchProps={{
        leftSection: icon(IconSearch),
        placeholder: t('palette.placeholder'),
        'aria-label': t('palette.placeholder'),
      }}
      filter={(typed, actions) => filterActions(typed, actions as SpotlightActionGroupData[])}
    />
  );
}

/** The server has found the machines already (by host name too); pages and commands are matched here. */
function filterActions(typed: string, groups: SpotlightActionGroupData[]): SpotlightActionGroupData[] {
  const wanted = typed.trim().toLowerCase();
  return groups
    .map((group, index) => ({
      ...group,
      actions:
        index === 0 || wanted === ''
          ? group.actions
          : group.actions.filter((action) =>
              [action.label ?? '', ...(Array.isArray(action.keywords) ? action.keywords : [])].some((word) =>
                word.toLowerCase().includes(wanted),
              ),
            ),
    }))
    .filter((group) => group.actions.length > 0);
}
