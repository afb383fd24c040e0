import { basename } from 'node:path';
import type { Event, EventFields } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { AUDITD_CASES, type AuditLine, FILE_CASES } from '../../../test/fakes/auditd-records.ts';
import { absent, corpusSources } from '../../../test/fakes/public-test-data.ts';
import { createSigmaEvaluator, decideCoverage } from '../core/index.ts';
import { RECORD } from '../sensors/linux/audit/constants.ts';
import { EventAssembler } from '../sensors/linux/audit/event-assembler.ts';
import { RawRecords } from '../sensors/linux/audit/raw/raw-records.ts';
import { RECORD_SOURCES } from '../sensors/linux/audit/raw/record-sources.ts';
import type { Observation } from '../sensors/sensor.ts';
import { auditDemandOf } from './audit-demand.ts';

const missing = absent('sigma-rules');

describe.skipIf(missing !== '')(`the public rules for the raw audit log${missing}`, () => {
  const sources = missing === '' ? corpusSources().filter(({ text }) => /service:\s*auditd/.test(text)) : [];
  const evaluator = createSigmaEvaluator(sources);
  const fileOf = new Map(evaluator.rules.map(({ facts, place }) => [facts.ruleId, basename(place.file)]));
  const records = new RawRecords([['/run', '/var/run']]);
  records.demand = auditDemandOf(evaluator.rules);

  function matched(made: readonly EventFields[]): string[] {
    const event = (fields: EventFields): Event => ({
      eventId: 'e',
      logsource: { product: 'linux', service: 'auditd' },
      time: 1,
      fields,
    });
    const ids = made.flatMap((fields) => evaluator.evaluate(event(fields)).map(({ rule }) => rule.ruleId));
    return ids.map((id) => fileOf.get(id) ?? id);
  }

  function recordsOf(lines: readonly AuditLine[]): EventFields[] {
    const made: EventFields[] = [];
    const assembler = new EventAssembler((event) => made.push(...records.of(event)));
    for (const [type, body] of [...lines, [RECORD.EOE, ''] as const]) {
      const text = `audit(1795551447.398:9): ${body}`;
      const message = records.message(type, text);
      if (message) made.push(message.record);
      assembler.add(type, text, 0);
    }
    return made;
  }

  test.each(AUDITD_CASES)('$rule: $act', ({ rule, lines }) => {
    expect(matched(recordsOf(lines))).toContain(rule);
  });

  test.each(FILE_CASES)('$rule: $category of $fields.TargetFilename', ({ rule, category, fields }) => {
    const observation: Observation = { logsource: { product: 'linux', category }, time: 1, fields };
    expect(matched(records.ofFile(observation))).toContain(rule);
  });

  test('each of them has an act that it detects, and is said to be able to fire', () => {
    const acted = new Set([...AUDITD_CASES, ...FILE_CASES].map(({ rule }) => rule));
    expect(evaluator.rules.length).toBeGreaterThan(50);
    const files = evaluator.rules.map(({ place }) => basename(place.file));
    expect(files.filter((file) => !acted.has(file))).toEqual([]);
    const declared = RECORD_SOURCES.map(({ service, fields, values }) => ({
      sensor: 'linux-audit',
      product: 'linux',
      service,
      fields: new Set(fields),
      values,
    }));
    const blocked = evaluator.rules.filter((rule) => !decideCoverage(rule, declared).canFire);
    expect(blocked.map(({ facts }) => facts.title)).toEqual([]);
  });

  test('no act fills a field that is not declared', () => {
    const made = AUDITD_CASES.flatMap(({ lines }) => recordsOf(lines));
    expect(made.length).toBeGreaterThan(100);
    for (const fields of made) {
      const type = String(fields['type']);
      const declared = RECORD_SOURCES.filter(({ values }) => values?.['type']?.includes(type) === true);
      const names = new Set(declared.flatMap((source) => source.fields));
      expect(Object.keys(fields).filter((name) => !names.has(name))).toEqual([]);
    }
  });
});
