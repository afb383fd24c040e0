import type { ActionCode } from '@yagura/protocol';
import type { Act } from './acts.ts';
import type { SentenceWords } from './sentence.ts';
import type { Refusal, Request, Stopped, StoryFacts } from './story-facts.ts';

/** 「プログラム「x」が」に続く、た形の言葉。 */
const ACT: Record<Exclude<Act, 'safe-test' | 'known-malware'>, string> = {
  ransomware: 'ファイルを読めなくする動きを始めた',
  'remote-shell': '外部からこの端末を操作できる通信を開いた',
  'credential-theft': '保存されているパスワードや鍵を読み出した',
  fileless: 'ファイルを残さない方法でプログラムを動かした',
  injection: 'ほかのプログラムの中に入り込む動きをした',
  'defence-disabled': '端末を守る仕組みを止める操作をした',
  'log-cleared': '操作の記録を消した',
  'new-account': '利用者のアカウントを作成または変更した',
  'ssh-key': '遠隔からサインインするための鍵を追加した',
  'scheduled-start': '決まった時刻に自動で動く設定を追加した',
  'service-start': '端末の起動時に自動で動くサービスを追加した',
  persistence: '端末の起動後も動き続けるための設定を追加した',
  'web-shell': 'Webサーバーを外部から操作できるファイルを置いた',
  privilege: '管理者の権限を得る操作をした',
  download: '外部からプログラムを取り込んだ',
  masquerade: '別のプログラムの名前をかたって動いた',
  'office-macro': '添付ファイルや文書からプログラムを動かした',
  lateral: '社内のほかの端末へ入る操作をした',
  exfiltration: 'データを外部へ送った',
  mining: '端末の処理能力を無断で使う動きをした',
  'remote-tool': '遠隔操作ソフトとして動いた',
  'command-server': '外部の指示を受け取る通信をした',
  'brute-force': 'パスワードを繰り返し試した',
  collection: 'データを集める動きをした',
  script: '不審な命令を実行した',
  hidden: '動きを隠す操作をした',
  discovery: '端末や社内の様子を調べる操作をした',
  impact: 'データやサービスを壊す操作をした',
  execution: '不審なプログラムを動かした',
  suspicious: '不審な動きをした',
};

const PROGRAM_ENDING: Record<Stopped, string> = {
  'by-policy': 'ため、自動で止めました。',
  'by-person': 'ため、ご指示により止めました。',
  'in-progress': 'ため、いま止めています。',
  partly: 'ため、止めようとしましたが、止めきれていません。',
  'not-stopped': 'のを見つけました。',
};

const FILE_ENDING: Record<Stopped, string> = {
  'by-policy': '見つかったため、自動で隔離しました。',
  'by-person': '見つかったため、ご指示により隔離しました。',
  'in-progress': '見つかったため、いま隔離しています。',
  partly: '見つかりました。隔離しようとしましたが、終わっていません。',
  'not-stopped': '見つかりました。',
};

const TEST_ENDING: Record<Stopped, string> = {
  'by-policy': '無害なテスト用ファイルを見つけ、自動で止めました。',
  'by-person': '無害なテスト用ファイルを見つけ、ご指示により止めました。',
  'in-progress': '無害なテスト用ファイルを見つけ、いま止めています。',
  partly: '無害なテスト用ファイルを見つけましたが、止めきれていません。',
  'not-stopped': '無害なテスト用ファイルを見つけました。',
};

/** なぜ、しようとしたことをしなかったか（できなかったか）。「…ため、」の形。 */
const REFUSAL: Record<ActionCode, string> = {
  done: '処置が終わった',
  already_done: 'すでに処置されていた',
  protected_process: '端末の動作に欠かせないプログラムの',
  package_owned_file: 'OSに含まれる正規のファイルの',
  file_in_use: 'ほかのプログラムが使用中の',
  hard_linked_file: '別の場所からも参照されている',
  not_a_regular_file: '通常のファイルではない',
  file_too_large: 'ファイルが大きすぎる',
  path_changed: '途中で場所か中身が変わった',
  path_unsafe: '場所が安全に確かめられない',
  process_gone: 'すでに終了していた',
  target_exists: '同じ名前のファイルがある',
  not_found: '見つからない',
  not_permitted: '権限が足りない',
  no_space: '端末の空き容量が足りない',
  cap_reached: '短時間に処置できる件数の上限に達した',
  unsupported: 'この端末では対応していない',
  excluded: '「業務で使うソフト」に登録されている',
  interrupted: '処置の途中で中断された',
  io_error: '読み書きに失敗した',
  refused: '端末が指示を受け付けなかった',
  pack_unavailable: '検知ルールを受け取れなかった',
  pack_damaged: '届いた検知ルールが承認されたものと違った',
  pack_rejected: '検知ルールを読み込めなかった',
};

const REQUEST: Record<Request, string> = {
  'none-closed': 'この件は完了しています。ご対応は必要ありません。',
  'none-test': '動作を確かめるためのテストです。ご対応は必要ありません。',
  none: 'ご対応は必要ありません。',
  wait: '処置が終わるまで、電源を切らずにお待ちください。',
  'judge-contained':
    '処置は済んでいます。内容をご確認のうえ「閉じる」を押してください。業務で使うソフトでしたら「業務で使うソフトです」を押すと、元に戻せます。',
  'judge-observed':
    '心当たりがなければ「止める」を押してください。業務で使うソフトでしたら「業務で使うソフトです」を押してください。',
  unplug:
    '電源は切らずに、LANケーブルを抜くかWi-Fiを切ってください。そのうえで、端末を管理している担当者へご連絡ください。',
};

const machineOf = (facts: StoryFacts) => (facts.machineNamed ? facts.machine : `端末「${facts.machine}」`);

function happened(facts: StoryFacts): string {
  const machine = machineOf(facts);
  if (facts.act === 'safe-test') return `${machine}でテスト検知を行いました。${TEST_ENDING[facts.stopped]}`;
  if (facts.act === 'known-malware') {
    const file = facts.file ?? facts.program;
    const named = file === undefined ? '' : `「${file}」`;
    return `${machine}で、不正なプログラムとして知られているファイル${named}が${FILE_ENDING[facts.stopped]}`;
  }
  const program = facts.program === undefined ? 'プログラムが' : `プログラム「${facts.program}」が`;
  return `${machine}で、${program}${ACT[facts.act]}${PROGRAM_ENDING[facts.stopped]}`;
}

function refusalSentence({ code, kind, name }: Refusal): string {
  const what = name === undefined ? (kind === 'file' ? '一部のファイル' : '一部のプログラム') : `「${name}」`;
  return `${what}は、${REFUSAL[code]}ため、${kind === 'file' ? '動かしていません' : '止めていません'}。`;
}

function done(facts: StoryFacts): string {
  const sentences: string[] = [];
  if (facts.anyEnded) {
    const held = facts.held > 0;
    const ended = facts.ended === undefined ? 'プログラムを' : `プログラム${facts.ended}個を`;
    sentences.push(held ? `${ended}終了し、ファイル${facts.held}件を消さずに保管しました。` : `${ended}終了しました。`);
  } else if (facts.held > 0) {
    sentences.push(`ファイル${facts.held}件を消さずに保管しました。`);
  }
  if (facts.frozen) sentences.push('プログラムを一時停止しています。');
  if (facts.restored > 0) sentences.push(`ファイル${facts.restored}件を元の場所に戻しました。`);
  if (facts.deleted > 0) sentences.push(`保管していたファイル${facts.deleted}件を完全に削除しました。`);
  sentences.push(...facts.refusals.map(refusalSentence));
  if (sentences.length === 0) {
    sentences.push(facts.stopped === 'in-progress' ? '処置を進めています。' : '記録だけを行い、何も止めていません。');
  }
  return sentences.join('');
}

export const jaWords: SentenceWords = { happened, done, request: (facts) => REQUEST[facts.request] };
