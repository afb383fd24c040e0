/**
 * Single commits, each synced to the disk, and a query now and then, as a small web application makes them.
 *
 * Usage: node database-child.ts FOLDER COMMITS
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const [folder = '.', commits = '0'] = process.argv.slice(2);
const path = join(folder, 'orders.sqlite');
for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
using database = new DatabaseSync(path);
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, amount INTEGER, note TEXT)');
database.exec('CREATE INDEX by_customer ON orders (customer)');
const insert = database.prepare('INSERT INTO orders (customer, amount, note) VALUES (?, ?, ?)');
const sum = database.prepare('SELECT sum(amount) AS total FROM orders WHERE customer = ?');
for (let i = 0; i < Number(commits); i += 1) {
  insert.run(i % 100, i, 'n'.repeat(200));
  if (i % 10 === 0) sum.get(i % 100);
}
