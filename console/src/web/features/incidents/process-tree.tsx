import { Box, Loader, SegmentedControl, Stack, useComputedColorScheme } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { Story } from '@yagura/protocol';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Panel } from '../../components/panel.tsx';
import { buildForest, fileKey, processKey } from './process-forest.ts';
import { ProcessList } from './process-list.tsx';
import { TreeDetail } from './tree-detail.tsx';

/** The drawing library is fetched only by those who look at an incident. */
const ProcessGraph = lazy(() => import('./process-graph.tsx'));

/** Who started what: as a graph, or as a nested list with the same content. */
export function ProcessTree({ story }: { story: Story }) {
  const { t } = useTranslation();
  // The graph takes its colours when it is made: another scheme makes another one.
  const scheme = useComputedColorScheme('light');
  const narrow = useMediaQuery('(max-width: 48em)');
  const [view, setView] = useState<'graph' | 'list' | undefined>();
  const [selected, setSelected] = useState<string | undefined>();
  const forest = useMemo(() => buildForest(story), [story]);
  const detected = useMemo(
    () =>
      new Set(
        story.detections.flatMap(({ event }) =>
          event.entityId === undefined ? [] : [processKey({ entityId: event.entityId })],
        ),
      ),
    [story],
  );
  const shown = view ?? (narrow ? 'list' : 'graph');
  const process = story.processes.find((each) => processKey(each) === selected);
  const file = story.files.find((each) => fileKey(each) === selected);
  return (
    <Panel
      title={t('tree.title')}
      aside={
        <SegmentedControl
          size="sm"
          aria-label={t('tree.view')}
          value={shown}
          onChange={(value) => setView(value === 'list' ? 'list' : 'graph')}
          data={[
            { value: 'graph', label: t('tree.graph') },
            { value: 'list', label: t('tree.list') },
          ]}
        />
      }
    >
      <Stack gap="md">
        {shown === 'list' ? (
          <ProcessList forest={forest} detected={detected} selected={selected} onSelect={setSelected} />
        ) : (
          <Suspense
            fallback={
              <Box h={180}>
                <Loader size="sm" aria-label={t('list.loading')} />
              </Box>
            }
          >
            <ProcessGraph key={scheme} forest={forest} detected={detected} selected={selected} onSelect={setSelected} />
          </Suspense>
        )}
        <TreeDetail process={process} file={file} story={story} />
      </Stack>
    </Panel>
  );
}
