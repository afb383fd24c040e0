/** Words of `npm start`, in the language of the terminal: Japanese where LANG says so, else English. */
export type Language = 'ja' | 'en';

export function terminalLanguage(env: NodeJS.ProcessEnv): Language {
  return (env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '').startsWith('ja') ? 'ja' : 'en';
}

/** A problem that a person can do something about; printed as one line, without a stack. */
export class StartError extends Error {
  readonly code: string;
  readonly words: Readonly<Record<Language, string>>;
  constructor(code: string, words: Readonly<Record<Language, string>>) {
    super(words.en);
    this.code = code;
    this.words = words;
  }
}

export type Say = (ja: string, en: string) => void;

export function createSay(language: Language, out: NodeJS.WritableStream): Say {
  // The terminal was closed, or what read our output ended first: there is still something to stop.
  out.on('error', () => undefined);
  return (ja, en) => {
    out.write(`${language === 'ja' ? ja : en}\n`);
  };
}

/** Problems that the system reports by errno, in words. `subject` names the path or port concerned. */
export function fromSystemError(error: unknown, subject: string): StartError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartError('no_space', {
        ja: `${subject} のあるディスクに空きがありません。空きを増やしてから、もう一度実行してください。`,
        en: `the disk that holds ${subject} is full. Free some space and run it again.`,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    // What a recursive mkdir answers on a read-only file system.
    case 'ENOENT':
      return new StartError('not_permitted', {
        ja: `${subject} に書き込めません。--data-dir で書き込めるフォルダーを指定してください。`,
        en: `${subject} cannot be written. Name a writable folder with --data-dir.`,
      });
    case 'ENOTDIR':
    case 'EEXIST':
      return new StartError('not_a_folder', {
        ja: `${subject} はフォルダーではありません。--data-dir で別の場所を指定してください。`,
        en: `${subject} is not a folder. Name another place with --data-dir.`,
      });
    default:
      return new StartError(/^E[A-Z0-9]+$/.test(code) ? 'start_failed' : 'internal', {
        ja: `${subject}: ${error instanceof Error ? error.message : String(error)}`,
        en: `${subject}: ${error instanceof Error ? error.message : String(error)}`,
      });
  }
}
