import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AGENT_NODE_ARGUMENTS } from '../../endpoint-agent/src/service/node-arguments.ts';
import type { StartArguments } from './arguments.ts';
import type { ChildSpec } from './child.ts';
import type { Layout } from './layout.ts';
import type { Programs } from './staging.ts';

/** What the three processes are told; each learns only of what it needs. */
export interface SpecContext {
  readonly root: string;
  readonly layout: Layout;
  readonly programs: Programs;
  readonly options: StartArguments;
}

const socket = (layout: Layout, name: 'signer' | 'admin'): string => join(layout.socketDir, `${name}.sock`);

export function signerSpec({ layout, programs }: SpecContext): ChildSpec {
  const names = ['localhost', '127.0.0.1', hostname()].filter((name) => /^[A-Za-z0-9.:-]+$/.test(name));
  return {
    name: 'signer',
    node: programs.node,
    script: join(programs.consoleDist, 'signer.mjs'),
    args: [
      '--state-dir',
      layout.signerDir,
      '--socket',
      socket(layout, 'signer'),
      '--admin-socket',
      socket(layout, 'admin'),
      ...names.flatMap((name) => ['--gateway-name', name]),
      ...(layout.consoleUser ? ['--console-gid', String(layout.consoleUser.gid)] : []),
    ],
    env: {},
    cwd: layout.signerDir,
    ...(layout.signerUser ? { user: layout.signerUser } : {}),
    logFile: join(layout.logDir, 'signer.log'),
  };
}

export function consoleEnvironment({ layout, options }: SpecContext): Record<string, string> {
  return {
    YAGURA_DATABASE_URL: `sqlite:${join(layout.consoleDir, 'console.sqlite')}`,
    YAGURA_STATE_DIR: layout.consoleDir,
    YAGURA_HTTP_PORT: String(options.port),
    YAGURA_GATEWAY_PORT: String(options.gatewayPort),
    YAGURA_PUBLIC_URL: `http://localhost:${options.port}`,
    YAGURA_GATEWAY_URL: `https://${options.gatewayHost}:${options.gatewayPort}`,
    YAGURA_SIGNER_SOCKET: socket(layout, 'signer'),
    YAGURA_SIGNER_ADMIN_SOCKET: socket(layout, 'admin'),
  };
}

export function consoleSpec(context: SpecContext): ChildSpec {
  const { layout, programs } = context;
  return {
    name: 'console',
    node: programs.node,
    script: join(programs.consoleDist, 'console.mjs'),
    env: consoleEnvironment(context),
    cwd: layout.consoleDir,
    ...(layout.consoleUser ? { user: layout.consoleUser } : {}),
    logFile: join(layout.logDir, 'console.log'),
  };
}

/** Writes the agent's configuration and names its process. Only this one keeps root. */
export function agentSpec({ root, layout }: SpecContext): ChildSpec {
  const config = join(layout.agentDir, 'agent.json');
  const content = {
    stateDir: layout.agentDir,
    packDir: join(root, 'endpoint-agent', 'rules'),
    ignorePaths: [layout.dataDir],
  };
  writeFileSync(config, JSON.stringify(content), { mode: 0o600 });
  return {
    name: 'agent',
    node: process.execPath,
    nodeArguments: AGENT_NODE_ARGUMENTS,
    script: join(root, 'endpoint-agent', 'dist', 'agent.mjs'),
    args: ['--config', config],
    env: {},
    cwd: layout.agentDir,
    logFile: join(layout.logDir, 'agent.log'),
  };
}
