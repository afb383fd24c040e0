import { ACTION_CODES, type ActionOutcome, type RuleFacts, type Story } from '@yagura/protocol';
import { describe, expect, test } from 'vitest';
import { ACTS, actOf } from './acts.ts';
import { tellStory } from './sentence.ts';
import { type StoryInput, storyFacts } from './story-facts.ts';

const AT = Date.UTC(2026, 10, 24, 0, 4, 0);

function rule(over: Partial<RuleFacts> = {}): RuleFacts {
  return {
    ruleId: 'r',
    title: 'Reverse shell',
    source: 'sigma',
    severity: 'high',
    confidence: 'high',
    techniques: ['T1059.004', 'T1071.001'],
    tactics: [],
    ...over,
  };
}

function detectionOf(
  facts: RuleFacts,
  fields: Record<string, string> = { Image: '/usr/bin/bash' },
): Story['detections'][number] {
  return {
    detectionId: 'd',
    rule: facts,
    time: AT,
    matched: [],
    event: { eventId: 'e', logsource: { product: 'linux', category: 'process_creation' }, time: AT, fields },
  };
}

function outcome(over: Partial<ActionOutcome>): ActionOutcome {
  return {
    actionId: `a-${Math.abs(JSON.stringify(over).length)}`,
    kind: 'kill-tree',
    origin: 'policy',
    target: {},
    ok: true,
    code: 'done',
    startedAt: AT,
    endedAt: AT,
    ...over,
  };
}

function incident(over: Partial<StoryInput> = {}, story: Partial<Story> = {}): StoryInput {
  const containment = over.containment ?? 'complete';
  return {
    endpointName: '経理のパソコン',
    hostname: 'keiri-pc01',
    lane: 'severe',
    safeTest: false,
    status: 'open',
    containment,
    ...over,
    story: {
      storyId: 's',
      revision: 1,
      severity: 'high',
      score: 80,
      safeTest: over.safeTest ?? false,
      firstSeen: AT,
      lastSeen: AT,
      detections: [detectionOf(rule())],
      detectionCount: 1,
      processes: [],
      processCount: 0,
      files: [],
      actions: [],
      containment,
      ...story,
    },
  };
}

const killed = outcome({ kind: 'kill-tree', processes: 3 });
const held = { path: '/tmp/updater', state: 'quarantined', quarantineId: 'q1' } as const;

describe('in Japanese', () => {
  test('stopped by policy: what, why, and that nothing is lost', () => {
    expect(tellStory(incident({}, { actions: [killed], files: [held] }), 'ja')).toEqual({
      happened:
        '経理のパソコンで、プログラム「bash」が外部からこの端末を操作できる通信を開いたため、自動で止めました。',
      done: 'プログラム3個を終了し、ファイル1件を消さずに保管しました。',
      request:
        '処置は済んでいます。内容をご確認のうえ「閉じる」を押してください。業務で使うソフトでしたら「業務で使うソフトです」を押すと、元に戻せます。',
    });
  });

  test('a machine without a name of its own is called by its host name, in quotation marks', () => {
    const told = tellStory(incident({ endpointName: 'web-01', hostname: 'web-01' }), 'ja');
    expect(told.happened).toMatch(/^端末「web-01」で、/);
  });

  test('only watched: says that nothing was stopped and asks the person to judge', () => {
    const told = tellStory(incident({ containment: 'observed', lane: 'attention' }), 'ja');
    expect(told.happened).toBe(
      '経理のパソコンで、プログラム「bash」が外部からこの端末を操作できる通信を開いたのを見つけました。',
    );
    expect(told.done).toBe('記録だけを行い、何も止めていません。');
    expect(told.request).toBe(
      '心当たりがなければ「止める」を押してください。業務で使うソフトでしたら「業務で使うソフトです」を押してください。',
    );
  });

  test('only watched and only for information: asks nothing', () => {
    const told = tellStory(incident({ containment: 'observed', lane: 'information' }), 'ja');
    expect(told.request).toBe('ご対応は必要ありません。');
  });

  test('on its way: asks for the power to stay on', () => {
    const told = tellStory(incident({ containment: 'in-progress' }), 'ja');
    expect(told.happened).toMatch(/ため、いま止めています。$/);
    expect(told.done).toBe('処置を進めています。');
    expect(told.request).toBe('処置が終わるまで、電源を切らずにお待ちください。');
  });

  test('ended by a person, not by policy', () => {
    const told = tellStory(incident({}, { actions: [{ ...killed, origin: 'order' }] }), 'ja');
    expect(told.happened).toMatch(/ため、ご指示により止めました。$/);
  });

  test('partly: names what was left and why, and asks to unplug', () => {
    const left = outcome({
      kind: 'quarantine-file',
      ok: false,
      code: 'package_owned_file',
      target: { path: '/usr/bin/openssl' },
    });
    const told = tellStory(
      incident(
        { containment: 'partial' },
        { actions: [killed, left], files: [held, { path: '/usr/bin/openssl', state: 'present' }] },
      ),
      'ja',
    );
    expect(told.happened).toMatch(/ため、止めようとしましたが、止めきれていません。$/);
    expect(told.done).toBe(
      'プログラム3個を終了し、ファイル1件を消さずに保管しました。「openssl」は、OSに含まれる正規のファイルのため、動かしていません。',
    );
    expect(told.request).toMatch(/^電源は切らずに、LANケーブルを抜くかWi-Fiを切ってください。/);
  });

  test('a protected program is named as not stopped, not as not moved', () => {
    const left = outcome({ ok: false, code: 'protected_process', target: { image: '/usr/lib/systemd/systemd' } });
    expect(tellStory(incident({ containment: 'partial' }, { actions: [left] }), 'ja').done).toBe(
      '「systemd」は、端末の動作に欠かせないプログラムのため、止めていません。',
    );
  });

  test('the harmless test', () => {
    const told = tellStory(
      incident(
        { safeTest: true, lane: 'information' },
        { actions: [outcome({ kind: 'quarantine-file' })], files: [held] },
      ),
      'ja',
    );
    expect(told).toEqual({
      happened: '経理のパソコンでテスト検知を行いました。無害なテスト用ファイルを見つけ、自動で止めました。',
      done: 'ファイル1件を消さずに保管しました。',
      request: '動作を確かめるためのテストです。ご対応は必要ありません。',
    });
  });

  test('a file that is known to be bad', () => {
    const detection = detectionOf(rule({ source: 'indicator', techniques: [] }), {
      Image: '/usr/bin/curl',
      TargetFilename: '/home/sato/請求書.pdf.exe',
    });
    expect(tellStory(incident({}, { detections: [detection] }), 'ja').happened).toBe(
      '経理のパソコンで、不正なプログラムとして知られているファイル「請求書.pdf.exe」が見つかったため、自動で隔離しました。',
    );
  });

  test('after the file was put back, it says so', () => {
    const told = tellStory(incident({}, { actions: [killed], files: [{ ...held, state: 'restored' }] }), 'ja');
    expect(told.done).toBe('プログラム3個を終了しました。ファイル1件を元の場所に戻しました。');
  });

  test('closed: asks nothing, whatever happened', () => {
    expect(tellStory(incident({ status: 'closed', containment: 'partial' }), 'ja').request).toBe(
      'この件は完了しています。ご対応は必要ありません。',
    );
  });

  test('a paused program is not called ended', () => {
    const frozen = { entityId: 'p', pid: 2, context: false, state: 'frozen' } as const;
    const told = tellStory(incident({ containment: 'in-progress' }, { processes: [frozen] }), 'ja');
    expect(told.done).toBe('プログラムを一時停止しています。');
  });

  test('never claims safety', () => {
    for (const containment of ['observed', 'in-progress', 'partial', 'complete'] as const) {
      for (const lane of ['severe', 'attention', 'information'] as const) {
        const told = tellStory(incident({ containment, lane }), 'ja');
        expect(told.happened + told.done + told.request).not.toContain('安全です');
      }
    }
  });
});

describe('in English', () => {
  test('stopped by policy', () => {
    expect(tellStory(incident({ endpointName: 'Accounting PC' }, { actions: [killed], files: [held] }), 'en')).toEqual({
      happened:
        'On “Accounting PC”, the program “bash” opened a connection through which this computer can be controlled from outside, so it was stopped automatically.',
      done: '3 programs ended, 1 file kept in quarantine, not deleted.',
      request:
        'It has been dealt with. Read what happened and press “Close”. If it is software you use at work, press “This is software we use” to have it put back.',
    });
  });

  test('only watched', () => {
    const told = tellStory(incident({ containment: 'observed', lane: 'attention' }), 'en');
    expect(told.happened).toMatch(/\. It was noticed, not stopped\.$/);
    expect(told.done).toBe('It was recorded; nothing was stopped.');
    expect(told.request).toContain('press “Stop it”');
  });

  test('partly, with the reason', () => {
    const left = outcome({
      kind: 'quarantine-file',
      ok: false,
      code: 'file_in_use',
      target: { path: 'C:\\db\\sales.mdb' },
    });
    const told = tellStory(incident({ containment: 'partial' }, { actions: [left], files: [] }), 'en');
    expect(told.done).toBe('“sales.mdb” was not moved because another program is using it.');
    expect(told.request).toMatch(/^Leave the computer on, but unplug/);
  });

  test('one file is one file', () => {
    const one = tellStory(incident({}, { actions: [outcome({ processes: 1 })], files: [held] }), 'en');
    expect(one.done).toBe('1 program ended, 1 file kept in quarantine, not deleted.');
  });
});

describe('whatever the endpoint says', () => {
  test('every act and code has whole sentences in both languages', () => {
    for (const language of ['ja', 'en'] as const) {
      for (const code of ACTION_CODES) {
        const left = outcome({ kind: 'quarantine-file', ok: code === 'done', code, target: { path: '/a/b' } });
        const told = tellStory(incident({ containment: 'partial' }, { actions: [left] }), language);
        expect(told.done).toMatch(language === 'ja' ? /。$/ : /\.$/);
        expect(told.done).not.toContain('undefined');
      }
    }
  });

  test('names cannot break the sentence', () => {
    const detection = detectionOf(rule(), { Image: '/tmp/evil\n\u202Efdp.exe\u0000' });
    const told = tellStory(incident({ endpointName: 'a\r\nb' }, { detections: [detection] }), 'ja');
    expect(told.happened).toContain('「evil\\n\\u202efdp.exe\\0」');
    expect(told.happened.startsWith('a\\r\\nbで、')).toBe(true);
    expect(told.happened).not.toMatch(/[\n\r\u202e\0]/);
  });

  test('a name as long as the schema allows is cut', () => {
    const detection = detectionOf(rule(), { Image: `/tmp/${'x'.repeat(8_000)}` });
    const told = tellStory(incident({}, { detections: [detection] }), 'ja');
    expect(told.happened.length).toBeLessThan(160);
    expect(told.happened).toContain('…」');
  });

  test('without image the program has no name', () => {
    const told = tellStory(incident({}, { detections: [detectionOf(rule(), {})] }), 'ja');
    expect(told.happened).toMatch(/^経理のパソコンで、プログラムが外部から/);
  });

  test('the strongest detection speaks, of equals the first', () => {
    const weak = detectionOf(rule({ severity: 'low', techniques: ['T1082'], tactics: ['discovery'] }), {
      Image: '/bin/uname',
    });
    const strong = detectionOf(rule({ severity: 'critical', techniques: ['T1486'] }), { Image: '/bin/locker' });
    const later = detectionOf(rule({ severity: 'critical', techniques: ['T1105'] }), { Image: '/bin/curl' });
    const told = tellStory(incident({}, { detections: [weak, strong, later] }), 'ja');
    expect(told.happened).toContain('「locker」がファイルを読めなくする動きを始めた');
  });

  test('a refusal that was made good later is not told', () => {
    const failed = outcome({ kind: 'quarantine-file', ok: false, code: 'io_error', target: { path: '/tmp/updater' } });
    const facts = storyFacts(incident({}, { actions: [failed], files: [held] }));
    expect(facts.refusals).toEqual([]);
  });

  test('many refusals are told once each, and not without end', () => {
    const actions = Array.from({ length: 40 }, (_, index) =>
      outcome({
        actionId: `a${index}`,
        kind: 'quarantine-file',
        ok: false,
        code: 'io_error',
        target: { path: `/tmp/f${index % 20}` },
      }),
    );
    expect(storyFacts(incident({ containment: 'partial' }, { actions })).refusals).toHaveLength(3);
  });
});

describe('acts from codes', () => {
  const act = (over: Partial<RuleFacts>) => actOf(detectionOf(rule(over)));
  test.each([
    [{ techniques: ['T1059.004'], tactics: ['execution', 'command-and-control'] }, 'remote-shell'],
    [{ techniques: ['T1059.004'], tactics: ['execution'] }, 'script'],
    [{ techniques: ['T1105', 'T1059.004'], tactics: ['command-and-control'] }, 'download'],
    [{ techniques: ['T1003.008'], tactics: ['credential-access'] }, 'credential-theft'],
    [{ techniques: ['T1053.003'], tactics: ['persistence'] }, 'scheduled-start'],
    [{ techniques: ['T1098.004'], tactics: ['persistence'] }, 'ssh-key'],
    [{ techniques: ['T1098.001'], tactics: ['persistence'] }, 'new-account'],
    [{ techniques: ['T1036.003'], tactics: ['defense-evasion'] }, 'masquerade'],
    [{ techniques: ['T1562.001'], tactics: ['defense-evasion'] }, 'defence-disabled'],
    [{ techniques: ['T9999'], tactics: ['exfiltration'] }, 'exfiltration'],
    [{ techniques: [], tactics: [] }, 'suspicious'],
    [{ techniques: ['T1486'], tactics: [], source: 'yara' }, 'known-malware'],
  ] as const)('%o is %s', (over, expected) => {
    expect(act({ ...over, techniques: [...over.techniques], tactics: [...over.tactics] })).toBe(expected);
  });

  test('each act has its own words in both languages', () => {
    for (const language of ['ja', 'en'] as const) {
      const sentences = new Set<string>();
      const techniques = ['T1486', 'T1003', 'T1620', 'T1055', 'T1562', 'T1070.001', 'T1136', 'T1098.004', 'T1053'];
      for (const id of techniques) {
        const story = incident({}, { detections: [detectionOf(rule({ techniques: [id] }))] });
        sentences.add(tellStory(story, language).happened);
      }
      expect(sentences.size).toBe(techniques.length);
    }
    expect(new Set(ACTS).size).toBe(ACTS.length);
  });
});
