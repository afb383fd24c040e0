import { Button, CopyButton } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import classes from './copy-line.module.css';
import { Untrusted } from './untrusted.tsx';

/** A line to be pasted elsewhere, with its button. */
export function CopyLine({ text, label }: { text: string; label: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes['line']}>
      <code className={classes['code']} aria-label={label}>
        <Untrusted text={text} code />
      </code>
      <CopyButton value={text} timeout={2_000}>
        {({ copied, copy }) => (
          <Button
            variant="default"
            size="sm"
            onClick={copy}
            leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
            className={classes['button'] ?? ''}
          >
            <span aria-live="polite">{copied ? t('copy.done') : t('copy.do')}</span>
          </Button>
        )}
      </CopyButton>
    </div>
  );
}
