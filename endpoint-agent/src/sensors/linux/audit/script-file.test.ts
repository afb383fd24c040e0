import { expect, test } from 'vitest';
import { imageState, scriptFile } from './script-file.ts';

const item = (index: number, name: string) =>
  new Map([
    ['item', String(index)],
    ['name', JSON.stringify(name)],
  ]);

test('by its first line: the script stands before the interpreter and among the arguments', () => {
  const paths = [item(0, './x.sh'), item(1, '/bin/sh'), item(2, '/lib64/ld.so')];
  expect(scriptFile(paths, ['/bin/sh', './x.sh', 'a'], '/home/a')).toBe('/home/a/x.sh');
  expect(scriptFile(paths, ['/bin/sh', '-eu', './x.sh'], '/home/a')).toBe('/home/a/x.sh');
  // An unknown interpreter too.
  expect(scriptFile([item(0, '/opt/a'), item(1, '/opt/run')], ['/opt/run', '/opt/a'], '/')).toBe('/opt/a');
  expect(scriptFile([item(0, '/bin/ls'), item(1, '/lib64/ld.so')], ['ls', '/x'], '/')).toBeUndefined();
});

test.each([
  [['bash', 'a.sh', '-c'], '/w/a.sh'],
  [['-bash'], undefined],
  [['bash', '-c', 'echo x'], undefined],
  [['sh', '-ec', 'echo x'], undefined],
  [['python3.12', '-u', '/t/x.py', '1'], '/t/x.py'],
  [['python3', '-m', 'http.server'], undefined],
  [['perl', '-e', 'print 1'], undefined],
  [['awk', '-f', 'p.awk', 'data'], '/w/p.awk'],
  [['awk', '{print}', 'data'], undefined],
  [['node', '--inspect', '../s.js'], '/s.js'],
  [['ls', 'a.sh'], undefined],
  [['bash', ''], undefined],
])('named by hand: %j', (argv, script) => expect(scriptFile([], argv, '/w')).toBe(script));

test('without the working directory a relative name says nothing', () => {
  expect(scriptFile([], ['bash', 'a.sh'], undefined)).toBeUndefined();
});

test.each([
  ['/memfd:x (deleted)', { ImageState: 'memfd' }],
  ['/tmp/x (deleted)', { ImageState: 'deleted' }],
  ['/tmp/memfd:x', {}],
  [undefined, {}],
])('%j', (image, state) => expect(imageState(image)).toEqual(state));

test('the records of Linux 6.1 name the script twice', () => {
  const paths = [item(0, './s.sh'), item(1, './s.sh'), item(2, '/bin/sh'), item(3, '/lib64/ld-linux-x86-64.so.2')];
  expect(scriptFile(paths, ['/bin/sh', '-e', './s.sh', 'first'], '/tmp')).toBe('/tmp/s.sh');
});
