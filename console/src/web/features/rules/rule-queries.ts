import { queryOptions } from '@tanstack/react-query';
import { callApi } from '../../api-client.ts';

/** Tunings in force, suspended rules, and the endpoints that can be chosen. */
export const TUNINGS_QUERY = queryOptions({
  queryKey: ['rule-tunings'],
  queryFn: ({ signal }) => callApi('listRuleTunings', {}, signal),
});
