import type { HashIndicator } from './hash-indicator.ts';

/**
 * The EICAR anti-malware test file: 68 harmless bytes that every product is meant to report, so that an
 * installation can be tested without malware. Listed with its usual forms: bare, with a line feed, and with a
 * carriage return and line feed, which is what editors and scripts make of it.
 */
export const EICAR_INDICATOR: HashIndicator = {
  rule: {
    ruleId: 'yagura.indicator.eicar',
    title: 'EICAR test file',
    source: 'indicator',
    severity: 'high',
    confidence: 'high',
    techniques: [],
    tactics: [],
    author: 'Yagura',
    reference: 'https://www.eicar.org/download-anti-malware-testfile/',
    localTitle: { ja: 'EICARテストファイル', en: 'EICAR test file' },
    explanation: {
      ja: 'セキュリティ製品の動作確認に使う、世界共通の無害なテストファイル（EICAR）が見つかりました。本物のウイルスではなく、パソコンに害はありません。',
      en: 'This is the harmless standard test file (EICAR) with which people check that security products work. It is not a real virus and does no harm.',
    },
    advice: {
      ja: '動作確認をした方がいれば、何もする必要はありません。心当たりがない場合は、誰がテストしたのかを管理者に確認してください。',
      en: 'If somebody was testing, there is nothing to do. If nobody was, ask your administrator who put the file there.',
    },
  },
  hashes: [
    '275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f',
    '131f95c51cc819465fa1797f6ccacf9d494aaaff46fa3eac73ae63ffbdfd8267',
    '8b3f191819931d1f2cef7289239b5f77c00b079847b9c2636e56854d1e5eff71',
    '3395856ce81f2b7382dee72602f798b642f14140',
    'cf8bd9dfddff007f75adf4c2be48005cea317c62',
    'a6c80ce949469cc86f6c22355f4d3bb8773fc634',
    '44d88612fea8a8f36de82e1278abb02f',
    '69630e4574ec6798239b091cda43dca0',
    'e7e5fa40569514ec442bbdf755d89c2f',
  ],
};
