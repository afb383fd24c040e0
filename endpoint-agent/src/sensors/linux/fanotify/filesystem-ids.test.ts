import { expect, test } from 'vitest';
import { FilesystemIds } from './filesystem-ids.ts';
import { type Mount, parseMountInfo } from './mounts.ts';

const [root, box, moved] = parseMountInfo(
  Buffer.from(`27 1 254:0 / / rw - ext4 /dev/vda rw
60 1 0:60 / /box rw - tmpfs none rw
60 1 0:60 / /moved rw - tmpfs none rw
`),
) as [Mount, Mount, Mount];
const ID = Buffer.from('12345678');
const OTHER = Buffer.from('87654321');

test('an id stays with the device that had it first', () => {
  const ids = new FilesystemIds();
  expect(ids.claim(ID, root)).toBe(true);
  expect(ids.claim(ID, { ...box, namespace: 7 })).toBe(false);
  expect(ids.get(ID)).toBe(root);
});

test('what another device gives back is only its own', () => {
  const ids = new FilesystemIds();
  ids.claim(ID, root);
  ids.claim(OTHER, box);
  ids.claim(ID, box);
  ids.release(box.device);
  expect([ids.get(ID), ids.get(OTHER)]).toEqual([root, undefined]);
  ids.release(root.device);
  expect(ids.claim(ID, box)).toBe(true);
});

test('a device is found through its latest mount', () => {
  const ids = new FilesystemIds();
  ids.claim(OTHER, box);
  expect(ids.claim(OTHER, moved)).toBe(true);
  expect(ids.get(OTHER)).toBe(moved);
});
