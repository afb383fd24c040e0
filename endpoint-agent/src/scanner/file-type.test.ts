import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { type FileType, fileTypeOf, TYPE_BYTES } from './file-type.ts';

const portable = Buffer.alloc(TYPE_BYTES);
portable.write('MZ');
portable.writeUInt32LE(0x80, 60);

test.each<readonly [string, Buffer, FileType | undefined]>([
  ['a shared library', Buffer.from('7f454c460201010000000000000000000300', 'hex'), 'elf'],
  ['a script', Buffer.from('#!/bin/sh\nid\n'), 'script'],
  ['a Windows program', portable, 'pe'],
  ['a text that begins like one', Buffer.from('MZ is no program'), undefined],
  ['a universal macOS program', Buffer.from('cafebabe00000002', 'hex'), 'mach-o'],
  ['a Java class', Buffer.from('cafebabe0000003d', 'hex'), 'java-class'],
  ['what gzip makes', gzipSync('x'), 'gzip'],
  ['what zstd makes', zstdCompressSync('x'), 'zstd'],
  ['a zip archive', Buffer.concat([Buffer.from('PK\x03\x04'), deflateRawSync('x')]), 'zip'],
  ['a package of Debian', Buffer.from('!<arch>\ndebian-binary   '), 'deb'],
  ['an archive of objects', Buffer.from('!<arch>\nlib.o/          '), undefined],
  ['a text', Buffer.from('こんにちは'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
  ['a cut beginning', Buffer.from('7f45', 'hex'), undefined],
])('%s', (_, bytes, type) => {
  expect(fileTypeOf(bytes)).toBe(type);
});
