import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RuleTuningRow } from '../../../api/index.ts';
import { useIsAdmin } from '../../app/session.ts';
import { EmptyNotice } from '../../components/empty-notice.tsx';
import { ErrorNotice } from '../../components/error-notice.tsx';
import { Panel } from '../../components/panel.tsx';
import { RowList, RowSkeletons } from '../settings/row-list.tsx';
import { EndTuningDialog } from './end-tuning-dialog.tsx';
import { TUNINGS_QUERY } from './rule-queries.ts';
import { TuningLine } from './tuning-line.tsx';

/** A tuning is one of a set: the tenant's, or an endpoint's. */
export const tuningKey = (row: RuleTuningRow) => `${row.endpoint?.endpointId ?? ''} ${row.tuningId}`;

/** Everything that people changed about rules: where, by whom, why, and for how long. */
export function TunedRulesPanel() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const [ending, setEnding] = useState<RuleTuningRow | undefined>();
  const query = useQuery(TUNINGS_QUERY);
  return (
    <Panel title={t('rules.tuned.title')} padded={query.data?.items.length === 0 || query.isError}>
      {query.isError ? <ErrorNotice error={query.error} onRetry={() => void query.refetch()} /> : null}
      {query.isPending ? <RowSkeletons /> : null}
      {query.data?.items.length === 0 ? (
        <EmptyNotice title={t('rules.tuned.empty.title')}>{t('rules.tuned.empty.words')}</EmptyNotice>
      ) : (
        <RowList
          label={t('rules.tuned.title')}
          rows={query.data?.items ?? []}
          rowId={tuningKey}
          render={(row) => <TuningLine row={row} showRule {...(isAdmin ? { onEnd: () => setEnding(row) } : {})} />}
        />
      )}
      {ending === undefined ? null : (
        <EndTuningDialog
          row={ending}
          onDone={() => void client.invalidateQueries({ queryKey: TUNINGS_QUERY.queryKey })}
          onClose={() => setEnding(undefined)}
        />
      )}
    </Panel>
  );
}
