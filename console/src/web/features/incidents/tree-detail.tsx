import { Text } from '@mantine/core';
import type { Story, StoryFile, StoryProcess } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { FactList } from '../../components/fact-list.tsx';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';

interface TreeDetailProps {
  readonly process: StoryProcess | undefined;
  readonly file: StoryFile | undefined;
  readonly story: Story;
}

/** What is known of the selected process or file. */
export function TreeDetail({ process, file, story }: TreeDetailProps) {
  const { t } = useTranslation();
  if (process !== undefined) return <ProcessDetail process={process} story={story} />;
  if (file !== undefined) return <FileDetail file={file} />;
  const hidden = story.processCount - story.processes.length;
  return (
    <Text size="sm" c="dimmed">
      {t('tree.hint')}
      {hidden > 0 ? ` ${t('tree.hidden', { count: hidden })}` : ''}
    </Text>
  );
}

function ProcessDetail({ process, story }: { process: StoryProcess; story: Story }) {
  const { t } = useTranslation();
  const rules = story.detections.filter(({ event }) => event.entityId === process.entityId);
  return (
    <output>
      <FactList
        facts={[
          [t('tree.image'), process.image === undefined ? undefined : <Untrusted key="i" text={process.image} code />],
          [
            t('tree.commandLine'),
            process.commandLine === undefined ? undefined : <Untrusted key="c" text={process.commandLine} code />,
          ],
          ['PID', String(process.pid)],
          [t('tree.user'), process.user === undefined ? undefined : <Untrusted key="u" text={process.user} />],
          [t('tree.state'), t(`processState.${process.state}`)],
          [
            t('tree.started'),
            process.startedAt === undefined ? undefined : <TimeText key="s" time={process.startedAt} as="clock" />,
          ],
          [
            t('tree.ended'),
            process.endedAt === undefined ? undefined : <TimeText key="e" time={process.endedAt} as="clock" />,
          ],
          [
            t('tree.rules'),
            rules.length === 0
              ? undefined
              : rules.map(({ detectionId, rule }) => (
                  <div key={detectionId}>
                    <Untrusted text={rule.title} />
                  </div>
                )),
          ],
        ]}
      />
    </output>
  );
}

function FileDetail({ file }: { file: StoryFile }) {
  const { t } = useTranslation();
  const bytes = useBytes();
  return (
    <output>
      <FactList
        facts={[
          [t('tree.path'), <Untrusted key="p" text={file.path} code />],
          [t('tree.state'), t(`fileState.${file.state}`)],
          [t('tree.size'), file.size === undefined ? undefined : bytes(file.size)],
          ['SHA-256', file.sha256 === undefined ? undefined : <Untrusted key="h" text={file.sha256} code />],
        ]}
      />
    </output>
  );
}
