import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconLanguage } from '@tabler/icons-react';
import { useLanguage } from '../i18n/i18n.ts';

/** Goes to the other language; named in that language, for those who cannot read this one. */
export function LanguageSwitch() {
  const { language, setLanguage } = useLanguage();
  const narrow = useMediaQuery('(max-width: 30em)');
  const other = language === 'ja' ? 'en' : 'ja';
  return (
    <Button
      variant="subtle"
      size="sm"
      lang={other}
      {...(narrow ? { px: 'xs' } : { leftSection: <IconLanguage size={18} aria-hidden /> })}
      onClick={() => setLanguage(other)}
    >
      {other === 'en' ? 'English' : '日本語'}
    </Button>
  );
}
