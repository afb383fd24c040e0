import { type Bilingual, ENROLMENT_REFUSALS, type EnrolmentRefusal } from '@yagura/protocol';

/** Why enrolling failed on this side of the wire; what the console refuses comes on top. */
export const LOCAL_ENROLMENT_FAILURES = [
  'token_malformed',
  'console_url_invalid',
  'already_enrolled',
  'state_unwritable',
  'gateway_unreachable',
  'gateway_untrusted',
  'clock_wrong',
  'proxy_failed',
  'order_key_mismatch',
  'certificate_mismatch',
  'response_malformed',
  'console_error',
] as const;
export type EnrolmentFailure = (typeof LOCAL_ENROLMENT_FAILURES)[number] | EnrolmentRefusal;

export function isEnrolmentRefusal(code: string): code is EnrolmentRefusal {
  return (ENROLMENT_REFUSALS as readonly string[]).includes(code);
}

/** One sentence a code: what is wrong and what to do. */
export const ENROLMENT_SENTENCES: Readonly<Record<EnrolmentFailure, Bilingual>> = {
  token_malformed: {
    ja: '登録トークンの形式が正しくありません。管理画面からもう一度、全体をコピーしてください。',
    en: 'This is not an enrolment token: copy the whole of it again from the console.',
  },
  console_url_invalid: {
    ja: '--console には https:// で始まるゲートウェイのアドレスを指定してください。',
    en: "--console takes the gateway's address, beginning with https://.",
  },
  already_enrolled: {
    ja: 'この端末は登録済みです。登録し直すには --replace を付けてください。',
    en: 'This machine is enrolled already: add --replace to enrol it anew.',
  },
  state_unwritable: {
    ja: '状態フォルダーに書き込めません。管理者権限で実行するか、--state-dir で別のフォルダーを指定してください。',
    en: 'The state folder cannot be written: run as an administrator, or name another with --state-dir.',
  },
  gateway_unreachable: {
    ja: '管理サーバーに接続できません。ネットワークとファイアウォールの設定をご確認ください。',
    en: 'The console cannot be reached: check the network and the firewall.',
  },
  gateway_untrusted: {
    ja: '接続先の証明書がトークンと一致しないため中止しました。通信を中継する機器がないかご確認ください。',
    en: "Stopped, because the server's certificate is not the one that the token names: look for a device that intercepts TLS.",
  },
  clock_wrong: {
    ja: 'サーバー証明書の有効期間とこの端末の時計が合いません。日付と時刻を合わせてからやり直してください。',
    en: "The server's certificate is not valid at the time that this machine's clock shows: set the clock and try again.",
  },
  proxy_failed: {
    ja: 'プロキシが接続を拒否しました。HTTPS_PROXY のアドレスとユーザー名をご確認ください。',
    en: 'The proxy refused the connection: check the address and user in HTTPS_PROXY.',
  },
  order_key_mismatch: {
    ja: '管理サーバーの指令鍵がトークンと一致しないため中止しました。トークンを発行し直してください。',
    en: "Stopped, because the console's order key is not the one that the token names: issue a new token.",
  },
  certificate_mismatch: {
    ja: '管理サーバーから別の端末用の証明書が届いたため中止しました。提供元にご連絡ください。',
    en: 'Stopped, because the console sent a certificate for something else: tell your provider.',
  },
  response_malformed: {
    ja: '管理サーバーの応答を解釈できません。エージェントのバージョンをご確認ください。',
    en: "The console's answer cannot be understood: check the agent's version.",
  },
  console_error: {
    ja: '管理サーバーでエラーが起きました。しばらくしてからもう一度お試しください。',
    en: 'The console failed: try again in a while.',
  },
  token_unknown: {
    ja: '管理サーバーはこの登録トークンを知りません。新しいトークンを発行してください。',
    en: 'The console does not know this token: issue a new one.',
  },
  token_used: {
    ja: 'この登録トークンは使用済みです。端末ごとに新しいトークンを発行してください。',
    en: 'This token has been used: issue a new one for each machine.',
  },
  token_expired: {
    ja: 'この登録トークンは期限切れです。新しいトークンを発行してください。',
    en: 'This token has expired: issue a new one.',
  },
  csr_invalid: {
    ja: '管理サーバーが証明書の要求を受け付けませんでした。エージェントのバージョンをご確認ください。',
    en: "The console did not accept the certificate request: check the agent's version.",
  },
  rate_limited: {
    ja: '登録の試行が多すぎます。数分待ってからもう一度お試しください。',
    en: 'Too many attempts: wait some minutes and try again.',
  },
  signer_unavailable: {
    ja: '管理サーバーの署名機能が停止しています。しばらくしてからもう一度お試しください。',
    en: "The console's signer is not running: try again in a while.",
  },
};
