#!/usr/bin/env node
/**
 * Brings the pinned Node.js and the locked packages, then runs a task under them. Needs nothing but any
 * Node.js that can run npm (>= 20): no package is installed when this file starts.
 *
 * Usage: node scripts/bootstrap.mjs start|test|bench|build|check [arguments]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pinnedNodePath } from './places.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TASKS = {
  start: 'scripts/local/main.ts',
  test: 'scripts/test.ts',
  bench: 'scripts/bench.ts',
  build: 'scripts/build.ts',
  check: 'scripts/check.ts',
};
const INSTALL_LOG = join(ROOT, '.yagura', 'install.log');
const LOCK_PATIENCE_S = 600;
const japanese = (process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '').startsWith('ja');
// The terminal may be gone before we are.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const say = (ja, en) => process.stderr.write(`${japanese ? ja : en}\n`);

/** Ends with one line that says what is wrong and what to do. */
function fail(code, ja, en) {
  say(`エラー (${code}): ${ja}`, `Error (${code}): ${en}`);
  process.exit(1);
}

const CAUSES = [
  [
    /npm error path .*sqlite3[\s\S]*(node-gyp|prebuild-install)/,
    'native_build',
    'SQLite の部品を取得もコンパイルもできませんでした。ビルド用の道具を入れて(Debian/Ubuntu: sudo apt-get install -y build-essential python3)、もう一度実行してください。',
    'the SQLite module could neither be fetched nor compiled. Install build tools (Debian/Ubuntu: sudo apt-get install -y build-essential python3) and run it again.',
  ],
  [
    /ENOSPC/,
    'no_space',
    'ディスクの空きがありません。空きを増やしてから、もう一度実行してください。',
    'the disk is full. Free some space and run it again.',
  ],
  [
    /EACCES|EPERM|EROFS/,
    'not_permitted',
    'このフォルダーに書き込めません。自分のフォルダーに clone してから実行してください。',
    'this folder cannot be written. Clone into a folder of your own and run it there.',
  ],
  [
    /EINTEGRITY/,
    'integrity',
    '取得したパッケージが記録と一致しません。ネットワークの中継機器をご確認ください。',
    'a downloaded package does not match its recorded hash. Check for a proxy that changes downloads.',
  ],
  [
    /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|network/i,
    'no_network',
    'npm のレジストリーに接続できません。ネットワークとプロキシの設定を確認し、もう一度実行してください。',
    'the npm registry cannot be reached. Check the network and proxy settings and run it again.',
  ],
];

/** Ends with the cause that the text of a failure names, if it is a known one. */
function failFor(text) {
  for (const [pattern, name, whyJa, whyEn] of CAUSES) if (pattern.test(text)) fail(name, whyJa, whyEn);
  fail(
    'install_failed',
    `インストールできませんでした。詳しくは ${INSTALL_LOG} をご覧ください。`,
    `the installation failed. See ${INSTALL_LOG}.`,
  );
}

/** The environment in which `node` is the pinned one. */
function withPinnedNode(node) {
  return { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` };
}

/**
 * Where a native module has no prebuilt file within reach it is compiled. The package that carries Node.js
 * carries its headers too, so that nothing more has to be downloaded for it.
 */
function nativeBuild(node) {
  const home = dirname(dirname(node));
  return {
    npm_config_jobs: 'max',
    ...(existsSync(join(home, 'include', 'node', 'node_api.h')) ? { npm_config_nodedir: home } : {}),
  };
}

/** Runs npm with output into a log, a line of progress every few seconds, and one clear line on failure. */
function npm(args, { cwd, node, ja, en }) {
  return new Promise((resolve) => {
    const started = Date.now();
    const cli = process.env.npm_execpath;
    const logFile = INSTALL_LOG;
    mkdirSync(dirname(logFile), { recursive: true });
    say(ja, en);
    const flags = [
      '--no-audit',
      '--no-fund',
      '--fetch-retries=2',
      '--fetch-retry-mintimeout=1000',
      '--fetch-retry-maxtimeout=5000',
    ];
    const env = node ? { ...withPinnedNode(node), ...nativeBuild(node) } : process.env;
    const child = cli
      ? spawn(node ?? process.execPath, [cli, ...args, ...flags], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('npm', [...args, ...flags], {
          cwd,
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
          shell: process.platform === 'win32',
        });
    let tail = '';
    const stopped = stopOnSignal(child);
    const log = createWriteStream(logFile, { flags: 'a' });
    log.on('error', (error) => {
      tail += String(error);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        tail = (tail + chunk).slice(-20_000);
        log.write(chunk);
      });
    }
    const ticker = setInterval(() => {
      const seconds = Math.round((Date.now() - started) / 1000);
      say(`  … ${seconds} 秒`, `  … ${seconds} s`);
    }, 10_000);
    child.on('error', (error) => failFor(String(error)));
    child.on('close', (code) => {
      clearInterval(ticker);
      log.end();
      if (stopped.end())
        fail('stopped', '中止しました。もう一度実行すると続けます。', 'stopped. Run it again to go on.');
      if (code === 0) resolve();
      else failFor(tail);
    });
  });
}

/** Ctrl-C reaches npm as well, which then ends; other signals are passed on. `end` says whether one came. */
function stopOnSignal(child) {
  let stopped = false;
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      stopped = true;
      if (signal !== 'SIGINT') child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return {
    end() {
      for (const [signal, handler] of handlers) process.removeListener(signal, handler);
      return stopped;
    },
  };
}

const digest = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Whether what `stamp` says was installed is what `lock` asks for. */
function current(lock, stamp) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest(lock);
}

/** Held while packages are installed: two installations at once in one folder destroy each other. */
async function lockInstallation() {
  const file = join(ROOT, '.yagura', 'install.lock');
  for (let waited = 0; waited < LOCK_PATIENCE_S; waited += 1) {
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      process.on('exit', () => rmSync(file, { force: true }));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') failFor(String(error));
    }
    if (isStale(file)) {
      rmSync(file, { force: true });
      continue;
    }
    if (waited === 0) {
      say(
        '別の実行がパッケージをインストールしています。終わるのを待ちます …',
        'Another run installs the packages; waiting for it …',
      );
    }
    await delay(1_000);
  }
  fail(
    'install_busy',
    `別の実行がインストールを終えません。動いていなければ ${file} を消してください。`,
    `another run does not finish its installation. If there is none, remove ${file}.`,
  );
}

/** Whether who wrote the lock has ended without removing it. */
function isStale(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Empty: it is being written right now.
    if (pid === 0) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

async function installNode(node) {
  const home = join(ROOT, 'runtime');
  const stamp = join(home, 'node_modules', '.yagura-installed');
  rmSync(stamp, { force: true });
  await npm(['ci'], { cwd: home, ja: 'Node.js 26 を準備しています …', en: 'Preparing Node.js 26 …' });
  // It is an optional dependency, one for each system: npm is content without it.
  if (!existsSync(node)) failFor('network');
  const probe = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (probe.status !== 0) {
    fail(
      'runtime_broken',
      `${node} が起動しません。glibc 2.28 以降の Linux などが必要です。`,
      `${node} does not run. On Linux it needs glibc 2.28 or newer.`,
    );
  }
  writeFileSync(stamp, digest(join(home, 'package-lock.json')));
}

async function installPackages(node) {
  const stamp = join(ROOT, 'node_modules', '.yagura-installed');
  rmSync(stamp, { force: true });
  await npm(['ci', '--include=dev'], {
    cwd: ROOT,
    node,
    ja: 'パッケージをインストールしています(初回は 1〜3 分かかります) …',
    en: 'Installing packages (1 to 3 minutes the first time) …',
  });
  writeFileSync(stamp, digest(join(ROOT, 'package-lock.json')));
}

/** Brings what is missing. */
async function install(node) {
  const haveNode = () =>
    existsSync(node) &&
    current(join(ROOT, 'runtime', 'package-lock.json'), join(ROOT, 'runtime', 'node_modules', '.yagura-installed'));
  const havePackages = () => current(join(ROOT, 'package-lock.json'), join(ROOT, 'node_modules', '.yagura-installed'));
  if (haveNode() && havePackages()) return;
  await lockInstallation();
  try {
    if (!haveNode()) await installNode(node);
    if (!havePackages()) await installPackages(node);
  } catch (error) {
    failFor(String(error));
  }
  rmSync(join(ROOT, '.yagura', 'install.lock'), { force: true });
}

/** `npm start --port 9000` gives the option to npm, which keeps it to itself; only after `--` it comes here. */
function refuseOptionsForNpm() {
  const name = ['data-dir', 'port', 'gateway-port', 'agent'].find(
    (option) => process.env[`npm_config_${option.replace('-', '_')}`] !== undefined,
  );
  if (name === undefined) return;
  const option = name === 'agent' ? 'no-agent' : name;
  fail(
    'usage',
    `オプションの前に -- が必要です。例: npm start -- --${option}`,
    `options come after --, for example: npm start -- --${option}`,
  );
}

const [task, ...args] = process.argv.slice(2);
const script = Object.hasOwn(TASKS, task ?? '') ? TASKS[task] : undefined;
if (!script) {
  fail(
    'usage',
    `使い方: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')}`,
    `usage: node scripts/bootstrap.mjs ${Object.keys(TASKS).join('|')}`,
  );
}
if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(
    'node_too_old',
    `Node.js 20 以上が必要です(現在 ${process.version})。`,
    `Node.js 20 or newer is needed (this is ${process.version}).`,
  );
}

if (task === 'start') refuseOptionsForNpm();

const node = pinnedNodePath(ROOT);
if (!node) {
  fail(
    'unsupported_platform',
    `${process.platform}-${process.arch} 用の Node.js は用意されていません。`,
    `there is no pinned Node.js for ${process.platform}-${process.arch}.`,
  );
}
await install(node);

// The terminal sends Ctrl-C to the whole foreground group; the task decides when everything has ended.
const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], {
  // The channel closes when this process is killed, which tells the task to end.
  stdio: ['inherit', 'inherit', 'inherit', ...(task === 'start' ? ['ipc'] : [])],
  cwd: ROOT,
  env: {
    ...withPinnedNode(node),
    YAGURA_CALLER_DIR: process.env.INIT_CWD ?? process.cwd(),
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || task === 'start') child.kill(signal);
  });
}
if (task === 'start') {
  // A killed npm tells nobody.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 1_000).unref();
}
child.on('error', (error) => failFor(String(error)));
child.on('close', (code, signal) => {
  if (code !== null) process.exit(code);
  fail('killed', `途中で強制終了されました(${signal})。`, `it was ended by force (${signal}).`);
});
