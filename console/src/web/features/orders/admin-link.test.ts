import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { adminLinkCommand } from './admin-link.ts';

test.each([
  ['admin', 'npx yagura-console admin link --name admin'],
  ['管理者', 'npx yagura-console admin link --name 管理者'],
  [undefined, 'npx yagura-console admin link'],
  ['a\u001b[201~\nreboot', 'npx yagura-console admin link'],
  ['\u202eadmin', 'npx yagura-console admin link'],
])('%j is asked for with %j', (name, command) => expect(adminLinkCommand(name)).toBe(command));

test
  .runIf(process.platform !== 'win32')
  .each(['総務 田中', "O'Brien", '-x', '--create', '$(id)', '`id`', '"; echo no; "', '\\', '~root', '*', 'a&b'])(
  'a shell hands the name %j on as one argument',
  (name) => {
    const printed = execFileSync('/bin/sh', ['-c', `npx() { printf '%s\\n' "$@"; }; ${adminLinkCommand(name)}`]);
    const args = printed.toString().trimEnd().split('\n');
    expect(args.slice(0, 3)).toEqual(['yagura-console', 'admin', 'link']);
    expect(args.slice(3)).toEqual([`--name=${name}`]);
  },
);
