import type { ActionCode } from '@yagura/protocol';
import type { Act } from './acts.ts';
import type { SentenceWords } from './sentence.ts';
import type { Refusal, Request, Stopped, StoryFacts } from './story-facts.ts';

/** Follows "the program “x”". */
const ACT: Record<Exclude<Act, 'safe-test' | 'known-malware'>, string> = {
  ransomware: 'began to make files unreadable',
  'remote-shell': 'opened a connection through which this computer can be controlled from outside',
  'credential-theft': 'read stored passwords or keys',
  fileless: 'ran a program in a way that leaves no file behind',
  injection: 'made its way into another program',
  'defence-disabled': 'tried to turn off what protects the computer',
  'log-cleared': 'erased records of what was done',
  'new-account': 'created or changed a user account',
  'ssh-key': 'added a key for signing in from elsewhere',
  'scheduled-start': 'set itself to run at a fixed time',
  'service-start': 'added a service that starts with the computer',
  persistence: 'set itself to keep running after a restart',
  'web-shell': 'placed a file that lets outsiders control the web server',
  privilege: 'tried to gain administrator rights',
  download: 'fetched a program from outside',
  masquerade: 'ran under the name of another program',
  'office-macro': 'started a program from an attachment or document',
  lateral: 'tried to get into other computers on the network',
  exfiltration: 'sent data to the outside',
  mining: 'used the computer’s processing power without permission',
  'remote-tool': 'ran as remote-control software',
  'command-server': 'contacted a server to receive instructions',
  'brute-force': 'tried passwords over and over',
  collection: 'gathered data',
  script: 'ran suspicious commands',
  hidden: 'tried to hide what it does',
  discovery: 'looked around on the computer and the network',
  impact: 'tried to damage data or services',
  execution: 'started a suspicious program',
  suspicious: 'behaved suspiciously',
};

const ENDING: Record<Stopped, string> = {
  'by-policy': ', so it was stopped automatically.',
  'by-person': ', so it was stopped on your order.',
  'in-progress': ', and is being stopped now.',
  partly: '. Stopping it has not fully succeeded.',
  'not-stopped': '. It was noticed, not stopped.',
};

const FILE_ENDING: Record<Stopped, string> = {
  'by-policy': 'was found and isolated automatically.',
  'by-person': 'was found and isolated on your order.',
  'in-progress': 'was found and is being isolated.',
  partly: 'was found. Isolating it has not fully succeeded.',
  'not-stopped': 'was found. It was not isolated.',
};

const TEST_ENDING: Record<Stopped, string> = {
  'by-policy': 'The harmless test file was found and stopped automatically.',
  'by-person': 'The harmless test file was found and stopped on your order.',
  'in-progress': 'The harmless test file was found and is being stopped.',
  partly: 'The harmless test file was found, but stopping it has not fully succeeded.',
  'not-stopped': 'The harmless test file was found.',
};

/** Follows "because". */
const REFUSAL: Record<ActionCode, string> = {
  done: 'it had been dealt with',
  already_done: 'it had been dealt with before',
  protected_process: 'the computer cannot run without it',
  package_owned_file: 'it is an unchanged part of the operating system',
  file_in_use: 'another program is using it',
  hard_linked_file: 'it is linked from another place as well',
  not_a_regular_file: 'it is not an ordinary file',
  file_too_large: 'the file is too large',
  path_changed: 'its place or content changed meanwhile',
  path_unsafe: 'its place could not be confirmed safely',
  process_gone: 'it had already ended',
  target_exists: 'a file of that name is in its place',
  not_found: 'it was not found',
  not_permitted: 'permission was missing',
  no_space: 'the disk has no space left',
  cap_reached: 'the limit of automatic actions in a short time was reached',
  unsupported: 'this computer does not support it',
  excluded: 'it is registered as software that you use',
  interrupted: 'the action was interrupted',
  io_error: 'reading or writing failed',
  refused: 'the computer refused the order',
  pack_unavailable: 'the rules could not be fetched',
  pack_damaged: 'what came are not the rules that were approved',
  pack_rejected: 'the rules cannot be loaded',
};

const REQUEST: Record<Request, string> = {
  'none-closed': 'This case is closed. You don’t need to do anything.',
  'none-test': 'This was a test to see that everything works. You don’t need to do anything.',
  none: 'You don’t need to do anything.',
  wait: 'Please leave the computer switched on until this has finished.',
  'judge-contained':
    'It has been dealt with. Read what happened and press “Close”. If it is software you use at work, press “This is software we use” to have it put back.',
  'judge-observed':
    'If you don’t recognise this, press “Stop it”. If it is software you use at work, press “This is software we use”.',
  unplug:
    'Leave the computer on, but unplug its network cable or turn off its Wi-Fi. Then tell the person who looks after your computers.',
};

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;

function happened(facts: StoryFacts): string {
  const where = `On ${facts.machineNamed ? `“${facts.machine}”` : facts.machine}`;
  if (facts.act === 'safe-test') return `${where}, a test detection was run. ${TEST_ENDING[facts.stopped]}`;
  if (facts.act === 'known-malware') {
    const file = facts.file ?? facts.program;
    const named = file === undefined ? 'a file' : `the file “${file}”`;
    return `${where}, ${named}, known to be malicious, ${FILE_ENDING[facts.stopped]}`;
  }
  const program = facts.program === undefined ? 'a program' : `the program “${facts.program}”`;
  return `${where}, ${program} ${ACT[facts.act]}${ENDING[facts.stopped]}`;
}

function refusalSentence({ code, kind, name }: Refusal): string {
  const what = name === undefined ? (kind === 'file' ? 'Some files' : 'Some programs') : `“${name}”`;
  const verb = name === undefined ? 'were' : 'was';
  return `${what} ${verb} not ${kind === 'file' ? 'moved' : 'stopped'} because ${REFUSAL[code]}.`;
}

function done(facts: StoryFacts): string {
  const sentences: string[] = [];
  const ended = facts.ended === undefined ? 'The program was ended' : `${count(facts.ended, 'program')} ended`;
  const held = `${count(facts.held, 'file')} kept in quarantine, not deleted`;
  if (facts.anyEnded) sentences.push(facts.held > 0 ? `${ended}, ${held}.` : `${ended}.`);
  else if (facts.held > 0) sentences.push(`${held}.`);
  if (facts.frozen) sentences.push('The program is paused.');
  if (facts.restored > 0) sentences.push(`${count(facts.restored, 'file')} put back in place.`);
  if (facts.deleted > 0) sentences.push(`${count(facts.deleted, 'quarantined file')} deleted for good.`);
  sentences.push(...facts.refusals.map(refusalSentence));
  if (sentences.length === 0) {
    sentences.push(facts.stopped === 'in-progress' ? 'Work is in progress.' : 'It was recorded; nothing was stopped.');
  }
  return sentences.join(' ');
}

export const enWords: SentenceWords = { happened, done, request: (facts) => REQUEST[facts.request] };
