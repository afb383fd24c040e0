import type { RuleFacts } from '@yagura/protocol';

type Texts = Pick<RuleFacts, 'ruleId' | 'title' | 'severity' | 'confidence' | 'techniques' | 'tactics'> & {
  readonly ja: { readonly title: string; readonly explanation: string; readonly advice: string };
  readonly en: { readonly explanation: string; readonly advice: string };
};

function behaviour({ ja, en, ...facts }: Texts): RuleFacts {
  return {
    ...facts,
    source: 'behaviour',
    author: 'Yagura',
    localTitle: { ja: ja.title, en: facts.title },
    explanation: { ja: ja.explanation, en: en.explanation },
    advice: { ja: ja.advice, en: en.advice },
  };
}

/** The same finding with less behind it. Another id, so that exclusions and scores can tell them apart. */
function lesser(rule: RuleFacts, suffix: string, change: Pick<RuleFacts, 'severity' | 'confidence'>): RuleFacts {
  return { ...rule, ...change, ruleId: `${rule.ruleId}-${suffix}` };
}

const REVERSE_SHELL = behaviour({
  ruleId: 'yagura.behaviour.reverse-shell',
  title: 'Shell whose input and output lead to the network',
  severity: 'critical',
  confidence: 'high',
  techniques: ['T1059.004', 'T1071'],
  tactics: ['execution', 'command-and-control'],
  ja: {
    title: '外部から遠隔操作されるシェル（リバースシェル）',
    explanation:
      'プログラムが外部の機器へ接続した直後に、その接続を入出力とするコマンド画面（シェル）が開きました。離れた場所の第三者が、この機器でコマンドを自由に実行できる状態です。',
    advice:
      '電源は切らずに、ネットワークから切り離してください。同じ時間帯に保守作業を頼んでいないかを確認し、当窓口へお電話ください。',
  },
  en: {
    explanation:
      'Right after a program connected to another machine, a command shell opened that reads from and writes to that connection. Someone elsewhere can run any command on this machine.',
    advice:
      'Leave the power on and take the machine off the network. Check whether maintenance was ordered for this time, and call the help desk.',
  },
});

const FETCHED_EXECUTION = behaviour({
  ruleId: 'yagura.behaviour.fetched-then-executed',
  title: 'Downloaded file run from a folder for temporary files',
  severity: 'high',
  confidence: 'high',
  techniques: ['T1105', 'T1059', 'T1204.002'],
  tactics: ['command-and-control', 'execution'],
  ja: {
    title: 'ダウンロードした直後のプログラムの実行',
    explanation:
      'ネットワークから取り込まれたばかりのファイルが、誰でも書き込める一時フォルダーから実行されました。侵入した第三者が、次の段階で使うプログラムを取り込むときによく見られる動きです。',
    advice:
      'この時間にソフトの導入や更新をした方がいないかを確認してください。心当たりがなければ、ファイルは消さずに当窓口へご連絡ください。',
  },
  en: {
    explanation:
      'A file that had just come from the network was run from a folder where everybody can write. Intruders fetch the tools for their next step this way.',
    advice:
      'Check whether somebody installed or updated software at that time. If nobody did, do not delete the file, and contact the help desk.',
  },
});

const MASQUERADING = behaviour({
  ruleId: 'yagura.behaviour.renamed-system-binary',
  title: 'Copy of a system program under another name',
  severity: 'high',
  confidence: 'high',
  techniques: ['T1036.003'],
  tactics: ['defense-evasion'],
  ja: {
    title: '名前を変えたシステムのプログラムの実行',
    explanation:
      'OSに付属するプログラムの複製が、別の名前で、本来とは違う場所から実行されました。監視の目をごまかすために使われる手口です。',
    advice:
      'この複製を作った方や業者がいないかを確認してください。心当たりがなければ、ファイルは消さずに当窓口へご連絡ください。',
  },
  en: {
    explanation:
      'A copy of a program that belongs to the operating system was run under another name and from another place. This is done to deceive those who watch.',
    advice:
      'Check whether somebody here or a vendor made this copy. If nobody did, do not delete the file, and contact the help desk.',
  },
});

const FILELESS = behaviour({
  ruleId: 'yagura.behaviour.fileless-execution',
  title: 'Program run from memory or from a file that no longer exists',
  severity: 'critical',
  confidence: 'high',
  techniques: ['T1620', 'T1027.011'],
  tactics: ['defense-evasion', 'execution'],
  ja: {
    title: 'ファイルを残さないプログラムの実行',
    explanation:
      'ディスクにファイルを残さず、メモリーの中だけに置かれたプログラムが実行されました。調べられることを避けるための手口で、通常のソフトではほとんど見られません。',
    advice: '電源を切ると手がかりが失われます。電源は切らずに、ネットワークから切り離して、当窓口へお電話ください。',
  },
  en: {
    explanation:
      'A program was run that exists in memory only and leaves no file on the disk. This avoids examination and is hardly ever seen with ordinary software.',
    advice:
      'Switching off destroys the evidence. Leave the power on, take the machine off the network, and call the help desk.',
  },
});

const SELF_DELETION = behaviour({
  ruleId: 'yagura.behaviour.self-deletion',
  title: 'Running program deleted its own file',
  severity: 'medium',
  confidence: 'medium',
  techniques: ['T1070.004'],
  tactics: ['defense-evasion'],
  ja: {
    title: '自分自身のファイルを消したプログラム',
    explanation:
      '実行中のプログラムが、自分自身のファイルを消しました。痕跡を残さないための動きのことがありますが、一部のインストーラーも同じことをします。',
    advice: 'この時間にソフトを導入した方がいれば問題ありません。心当たりがなければ、当窓口へご相談ください。',
  },
  en: {
    explanation:
      'A running program deleted its own file. This can be meant to leave no trace, but some installers do it too.',
    advice: 'If somebody installed software at that time, nothing is wrong. If nobody did, ask the help desk.',
  },
});

/** Everything that behaviour detection can say. */
export const BEHAVIOUR_RULES = {
  reverseShell: REVERSE_SHELL,
  likelyReverseShell: lesser(REVERSE_SHELL, 'likely', { severity: 'high', confidence: 'high' }),
  possibleReverseShell: lesser(REVERSE_SHELL, 'possible', { severity: 'high', confidence: 'medium' }),
  fetchedExecution: FETCHED_EXECUTION,
  possibleFetchedExecution: lesser(FETCHED_EXECUTION, 'possible', { severity: 'high', confidence: 'medium' }),
  masquerading: MASQUERADING,
  possibleMasquerading: lesser(MASQUERADING, 'possible', { severity: 'medium', confidence: 'medium' }),
  fileless: FILELESS,
  deletedImage: lesser(FILELESS, 'deleted-file', { severity: 'high', confidence: 'high' }),
  selfDeletion: SELF_DELETION,
} as const satisfies Record<string, RuleFacts>;
