import { Button, CopyButton, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { Detection } from '@yagura/protocol';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { IncidentDetail } from '../../../api/index.ts';
import { FactList } from '../../components/fact-list.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import classes from './raw-fields.module.css';

const FIRST_SHOWN = 3;

/** The events as the sensors normalised them, for those who want to look deeper. */
export function RawFields({ incident }: { incident: IncidentDetail }) {
  const { t } = useTranslation();
  const [all, setAll] = useState(false);
  const { detections } = incident.story;
  const shown = all ? detections : detections.slice(0, FIRST_SHOWN);
  return (
    <Stack gap="md">
      <Group gap="sm">
        <CopyButton value={JSON.stringify(incident, undefined, 2)} timeout={2_000}>
          {({ copied, copy }) => (
            <Button
              variant="default"
              size="sm"
              onClick={copy}
              leftSection={copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
            >
              <span aria-live="polite">{copied ? t('copy.done') : t('raw.copyAll')}</span>
            </Button>
          )}
        </CopyButton>
        <Text size="sm" c="dimmed">
          {t('raw.ids', { incident: incident.incidentId, story: incident.story.storyId })}
        </Text>
      </Group>
      {shown.map((detection) => (
        <EventFieldsTable key={detection.detectionId} detection={detection} />
      ))}
      {shown.length < detections.length ? (
        <Button variant="subtle" size="sm" onClick={() => setAll(true)} style={{ alignSelf: 'flex-start' }}>
          {t('raw.more', { count: detections.length - shown.length })}
        </Button>
      ) : null}
    </Stack>
  );
}

function EventFieldsTable({ detection }: { detection: Detection }) {
  const { t } = useTranslation();
  const { event, matched } = detection;
  const decisive = new Set(matched.map(({ field }) => field));
  const { product, category, service } = event.logsource;
  return (
    <div className={classes['event']}>
      <Text size="sm" c="dimmed" mb={4}>
        <Untrusted text={[product, category, service].filter((part) => part !== undefined).join(' / ')} /> ·{' '}
        <TimeText time={event.time} as="clock" />
      </Text>
      <FactList
        facts={Object.entries(event.fields).map(([field, value]) => [
          field,
          <span key={field}>
            <Untrusted text={String(value)} code />
            {decisive.has(field) ? <span className={classes['decisive']}>{t('raw.matched')}</span> : null}
            {event.truncated?.includes(field) === true ? (
              <span className={classes['decisive']}>{t('raw.truncated')}</span>
            ) : null}
          </span>,
        ])}
      />
    </div>
  );
}
