import { Radio, Stack, useMantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/panel.tsx';
import { useLanguage } from '../../i18n/i18n.ts';

const SCHEMES = ['auto', 'light', 'dark'] as const;

/** Language and colours of this browser. */
export function AppearancePanel() {
  const { t } = useTranslation();
  const { language, setLanguage } = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Panel title={t('appearance.title')}>
      <Stack gap="lg">
        <Radio.Group
          label={t('appearance.language')}
          value={language}
          onChange={(value) => setLanguage(value === 'en' ? 'en' : 'ja')}
        >
          <Stack gap="xs" mt="xs">
            <Radio value="ja" label="日本語" lang="ja" />
            <Radio value="en" label="English" lang="en" />
          </Stack>
        </Radio.Group>
        <Radio.Group
          label={t('appearance.scheme')}
          value={colorScheme}
          onChange={(value) => setColorScheme(SCHEMES.find((each) => each === value) ?? 'auto')}
        >
          <Stack gap="xs" mt="xs">
            {SCHEMES.map((each) => (
              <Radio key={each} value={each} label={t(`appearance.schemes.${each}`)} />
            ))}
          </Stack>
        </Radio.Group>
      </Stack>
    </Panel>
  );
}
