import { describe, expect, test } from 'vitest';
import { ArgumentVector } from '../arguments.ts';
import { parseFields } from '../record.ts';
import { absoluteName, execveRecord, messageRecord, pathRecord, syscallRecord } from './record-fields.ts';

const fields = (text: string) => parseFields(text, 0);

function argv(...records: readonly string[]): ArgumentVector {
  const vector = new ArgumentVector();
  for (const record of records) vector.add(record, 0);
  return vector;
}

describe('SYSCALL', () => {
  const call = fields('arch=c000003e syscall=59 a0=26 exit=-13 tty=(none) comm=6578207065 exe="/bin/x y" key="mine"');

  test('numbers as they are written, strings decoded, what is wanted and no more', () => {
    expect(syscallRecord(call, { name: 'execve', key: undefined }, ['a0', 'comm', 'exit', 'missing'])).toEqual({
      type: 'SYSCALL',
      a0: '26',
      comm: 'ex pe',
      exit: '-13',
    });
  });

  test('everything, with the name of the call and the key that is meant', () => {
    const record = syscallRecord(call, { name: 'execve', key: 'ours' }, 'any');
    expect(record).toMatchObject({ syscall: '59', SYSCALL: 'execve', key: 'ours', tty: '(none)' });
    expect(syscallRecord(call, { name: undefined, key: undefined }, 'any')).not.toHaveProperty('key');
  });
});

describe('EXECVE', () => {
  test('arguments in hexadecimal and in parts are text', () => {
    const vector = argv('argc=3 a0="x" a1=2D2D6120622F', 'a2_len=6 a2[0]="abc"', 'a2[1]="def"');
    expect(execveRecord(vector, 'any')).toEqual({
      type: 'EXECVE',
      argc: 3,
      a0: 'x',
      a1: '--a b/',
      a2: 'abcdef',
      CommandLine: 'x --a b/ abcdef',
    });
    expect(execveRecord(vector, ['a1'])).toEqual({ type: 'EXECVE', a1: '--a b/' });
  });

  test('a command line without end is cut', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `a${index}="${'x'.repeat(200)}"`);
    const record = execveRecord(argv(`argc=5000 ${many.join(' ')}`), 'any');
    expect(record['argc']).toBe(5_000);
    expect(record).toHaveProperty('a63');
    expect(record).not.toHaveProperty('a64');
    expect(JSON.stringify(record).length).toBeLessThan(40_000);
    const long = execveRecord(argv(`argc=1 a0="${'y'.repeat(100_000)}"`), 'any');
    expect(JSON.stringify(long).length).toBeLessThan(25_000);
  });
});

describe('PATH', () => {
  const path = fields('item=0 name="../etc/./issue" inode=7 nametype=NORMAL');

  test('names are absolute and in one form', () => {
    expect(absoluteName(path, fields('cwd="/home"'))).toBe('/etc/issue');
    expect(absoluteName(fields('name="/etc//issue"'), undefined)).toBe('/etc/issue');
    expect(absoluteName(path, undefined)).toBeUndefined();
    expect(absoluteName(fields('name=(null)'), undefined)).toBeUndefined();
  });

  test('other fields as they are wanted', () => {
    expect(pathRecord(path, '/etc/issue', ['nametype'])).toEqual({
      type: 'PATH',
      name: '/etc/issue',
      nametype: 'NORMAL',
    });
    expect(pathRecord(path, '/etc/issue', 'any')).toMatchObject({ item: '0', inode: '7' });
  });
});

describe('messages of programs', () => {
  test('what the kernel says of the sender, and what the sender says', () => {
    const text = `pid=7 uid=0 auid=1000 ses=3 msg='op=adding user id=1002 exe="/usr/sbin/useradd" hostname=? res=success'`;
    expect(messageRecord('ADD_USER', text, 0)).toEqual({
      type: 'ADD_USER',
      pid: '7',
      uid: '0',
      auid: '1000',
      ses: '3',
      op: 'adding user',
      id: '1002',
      exe: '/usr/sbin/useradd',
      res: 'success',
    });
  });

  test('a sender cannot speak for the kernel, nor change what the record is', () => {
    const text = `pid=7 uid=33 msg='op=x pid=1 uid=0 type=SERVICE_STOP unit=ufw __proto__=1 acct="a' uid=0 b"'`;
    const record = messageRecord('USER_CMD', text, 0);
    expect(record).toMatchObject({ type: 'USER_CMD', pid: '7', uid: '33', unit: 'ufw', acct: "a' uid=0 b" });
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  });

  test('names and commands in hexadecimal are text; keystrokes are not kept', () => {
    const text = `pid=7 uid=0 msg='cwd="/" cmd=6C73202D6C acct=E697A5E69CAC terminal=pts/0 res=success'`;
    expect(messageRecord('USER_CMD', text, 0)).toMatchObject({ cmd: 'ls -l', acct: '日本', terminal: 'pts/0' });
    expect(messageRecord('TTY', 'tty pid=7 uid=0 comm="bash" data=70617373', 0)).toEqual({
      type: 'TTY',
      pid: '7',
      uid: '0',
      comm: 'bash',
    });
  });

  test.each([
    ['nothing', ''],
    ['no end', `pid=7 msg='acct="x`],
    ['quotes only', `'''''"""`],
    ['ten thousand fields', Array.from({ length: 10_000 }, (_, index) => `f${index}=1`).join(' ')],
    ['a value without end', `pid=7 msg='acct="${'x'.repeat(100_000)}`],
    ['quotes that never close', `a="`.repeat(20_000)],
  ])('%s does no harm', (_name, text) => {
    const record = messageRecord('TEST', text, 0);
    expect(record['type']).toBe('TEST');
    expect(JSON.stringify(record).length).toBeLessThan(10_000);
  });
});
