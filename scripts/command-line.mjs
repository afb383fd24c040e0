/**
 * Runs a command of `bin/` under the pinned Node.js, whichever one started it, and tells it of the
 * installation that `npm start` made from this clone. Plain JavaScript: older versions cannot read TypeScript.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, resolve } from 'node:path';
import { dataPlaces, INSTALLATION_FILE, pinnedNodePath } from './places.mjs';

const CANNOT_RUN = 2;

/**
 * `settings(installation, dataDir)` turns what was found into environment variables; an argument
 * `--data-dir DIR` before the command names another data folder than the usual one.
 */
export function runCommandLine({ name, root, main, settings }) {
  const fail = (code, message) => {
    process.stderr.write(`${name}: error (${code}): ${message}\n`);
    process.exit(CANNOT_RUN);
  };
  const node = pinnedNodePath(root);
  // npm writes this file last.
  const installed = existsSync(join(root, 'node_modules', '.package-lock.json'));
  if (!node || !existsSync(node) || !installed) {
    fail('not_installed', `run "npm start" or "npm run build" in ${root} once; it installs what this command needs.`);
  }
  const args = process.argv.slice(2);
  let named;
  if (args[0] === '--data-dir' || args[0]?.startsWith('--data-dir=')) {
    const first = args.shift();
    const value = first.includes('=') ? first.slice(first.indexOf('=') + 1) : args.shift();
    if (!value) fail('usage', '--data-dir takes a folder.');
    named = resolve(value);
    if (!existsSync(named)) fail('data_dir_missing', `there is no folder ${named}.`);
  }
  const asked = !['help', '--help', '-h', undefined].includes(args[0]);
  const dataDir = named ?? Object.values(dataPlaces(root)).find((path) => existsSync(path));
  const found = dataDir === undefined ? undefined : readInstallation(dataDir);
  if (asked && named && found?.missing) {
    fail('data_dir_unknown', `${named} was not made by "npm start": it has no ${INSTALLATION_FILE}.`);
  }
  const env = dataDir === undefined ? {} : settings(found.installation, dataDir);
  if (asked && env === undefined) {
    if (found.refused) fail('not_permitted', `${dataDir} belongs to another user. Run this as root (sudo).`);
  }
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...args], {
    stdio: 'inherit',
    env: { ...env, ...process.env },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // The terminal sends Ctrl-C to the command itself as well, which may take a second one for impatience.
    process.on(signal, () => child.kill(signal === 'SIGINT' ? 'SIGTERM' : signal));
  }
  child.on('error', (error) => fail('cannot_run', `${node}: ${error.code ?? error.message}`));
  child.on('close', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function readInstallation(dataDir) {
  try {
    return { installation: JSON.parse(readFileSync(join(dataDir, INSTALLATION_FILE), 'utf8')) };
  } catch (error) {
    if (error.code === 'EACCES' || error.code === 'EPERM') return { refused: true };
    return { missing: true };
  }
}
