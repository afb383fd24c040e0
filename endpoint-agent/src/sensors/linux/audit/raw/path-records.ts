import type { SourceSink } from '../../capture/source.ts';
import { AUDITD_SERVICE } from './audit-demand.ts';
import type { RawRecords } from './raw-records.ts';

/** Adds PATH records to the files that go by, as far as rules for the raw log ask for their names. */
export function withPathRecords(sink: SourceSink, records: RawRecords): SourceSink {
  return {
    push(source, observation, image) {
      const fields = records.ofFile(observation);
      if (fields.length === 0) sink.push(source, observation, image);
      else sink.push(source, { ...observation, records: { service: AUDITD_SERVICE, fields } }, image);
    },
    get full() {
      return sink.full;
    },
  };
}
