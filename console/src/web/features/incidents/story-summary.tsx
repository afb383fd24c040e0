import { Title } from '@mantine/core';
import type { StoryFile } from '@yagura/protocol';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import type { IncidentDetail } from '../../../api/index.ts';
import { incidentStatus } from '../../components/status.ts';
import { Untrusted } from '../../components/untrusted.tsx';
import { useLanguage } from '../../i18n/i18n.ts';
import { tellStory } from './sentence.ts';
import { leadingDetection } from './story-facts.ts';
import classes from './story-summary.module.css';

/** 起きたこと / 済んだこと / お願い: what everybody reads, before what some want to know. */
export function StorySummary({ incident }: { incident: IncidentDetail }) {
  const { t } = useTranslation();
  const { language } = useLanguage();
  const ids = { done: useId(), request: useId() };
  const words = tellStory(incident, language);
  const { rule } = leadingDetection(incident.story);
  const advice = incident.status === 'open' && !incident.safeTest ? rule.advice?.[language] : undefined;
  const meaning = incident.safeTest ? undefined : rule.explanation?.[language];
  return (
    <div className={classes['summary']} data-status={incidentStatus(incident)}>
      <div className={classes['happened']}>
        <p className={classes['label']}>{t('story.happened')}</p>
        <Title order={1} className={classes['sentence']}>
          {words.happened}
        </Title>
        {meaning === undefined ? null : (
          <p className={classes['meaning']}>
            <Untrusted text={meaning} />
          </p>
        )}
      </div>
      <section aria-labelledby={ids.done}>
        <h2 id={ids.done} className={classes['label']}>
          {t('story.done')}
        </h2>
        <p>{words.done}</p>
      </section>
      <section aria-labelledby={ids.request}>
        <h2 id={ids.request} className={classes['label']}>
          {t('story.request')}
        </h2>
        <p>{words.request}</p>
        {advice === undefined ? null : (
          <p>
            <Untrusted text={advice} />
          </p>
        )}
      </section>
      <StoryFiles files={incident.story.files} />
    </div>
  );
}

/** The files of the story with where they are or were: what a person recognises first. */
function StoryFiles({ files }: { files: readonly StoryFile[] }) {
  const { t } = useTranslation();
  const id = useId();
  if (files.length === 0) return null;
  return (
    <section aria-labelledby={id} className={classes['files']}>
      <h2 id={id} className={classes['label']}>
        {t('story.files')}
      </h2>
      <ul>
        {files.map((file) => (
          <li key={file.path}>
            <Untrusted text={file.path} code /> <span className={classes['state']}>{t(`fileState.${file.state}`)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
