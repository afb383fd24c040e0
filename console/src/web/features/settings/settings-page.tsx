import { Tabs } from '@mantine/core';
import type { JSX } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useParams } from 'react-router';
import { useIsAdmin } from '../../app/session.ts';
import { Lead } from '../../components/lead.tsx';
import { RulesSection } from '../rules/rules-section.tsx';
import { AppearancePanel } from './appearance-panel.tsx';
import { AuditPanel } from './audit-panel.tsx';
import { BrowserKeyPanel } from './browser-key-panel.tsx';
import { ExclusionsPanel } from './exclusions-panel.tsx';
import { OrdersPanel } from './orders-panel.tsx';
import { TokensPanel } from './tokens-panel.tsx';

const SECTIONS = ['tokens', 'exclusions', 'rules', 'orders', 'audit', 'key', 'appearance'] as const;
type Section = (typeof SECTIONS)[number];

const CONTENT: Record<Section, () => JSX.Element> = {
  tokens: TokensPanel,
  exclusions: ExclusionsPanel,
  rules: RulesSection,
  orders: OrdersPanel,
  audit: AuditPanel,
  key: BrowserKeyPanel,
  appearance: AppearancePanel,
};
const ADMIN_ONLY: ReadonlySet<Section> = new Set(['tokens', 'audit', 'key']);

export default function SettingsPage() {
  const { t } = useTranslation();
  const isAdmin = useIsAdmin();
  const navigate = useNavigate();
  const wanted = useParams()['section'];
  const allowed = SECTIONS.filter((section) => isAdmin || !ADMIN_ONLY.has(section));
  const section = allowed.find((each) => each === wanted) ?? allowed[0] ?? 'appearance';
  const Content = CONTENT[section];
  return (
    <>
      <Lead name={t('nav.settings')} detail={t(`settings.detail.${section}`)}>
        {t(`settings.section.${section}`)}
      </Lead>
      <Tabs
        value={section}
        onChange={(value) => value !== null && void navigate(`/settings/${value}`)}
        keepMounted={false}
        mb="md"
      >
        <Tabs.List aria-label={t('nav.settings')}>
          {allowed.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t(`settings.section.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={section} pt="md">
          <Content />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
