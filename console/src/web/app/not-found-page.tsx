import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { EmptyNotice } from '../components/empty-notice.tsx';
import { Lead } from '../components/lead.tsx';

export default function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <>
      <Lead name={t('notFound.name')}>{t('notFound.title')}</Lead>
      <EmptyNotice
        title={t('notFound.words')}
        action={
          <Button component={Link} to="/">
            {t('notFound.home')}
          </Button>
        }
      />
    </>
  );
}
