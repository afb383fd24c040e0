import { connect } from 'node:net';
import { AgentStatus } from './status.ts';

const ANSWER_LIMIT = 1_048_576;

export type StatusResult =
  | { ok: true; status: AgentStatus }
  | { ok: false; code: 'agent_not_running' | 'not_permitted' | 'agent_silent' | 'answer_malformed' };

/** Asks the running agent for its status. */
export function requestStatus(path: string, timeoutMs = 5_000): Promise<StatusResult> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    socket.setTimeout(timeoutMs, () => {
      socket.destroy();
      resolve({ ok: false, code: 'agent_silent' });
    });
    socket.once('connect', () => socket.write('status\n'));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8');
      if (answer.length > ANSWER_LIMIT) socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve({
        ok: false,
        code: error.code === 'EACCES' || error.code === 'EPERM' ? 'not_permitted' : 'agent_not_running',
      });
    });
    socket.once('close', () => resolve(parse(answer)));
  });
}

function parse(answer: string): StatusResult {
  try {
    const result = AgentStatus.safeParse(JSON.parse(answer));
    return result.success ? { ok: true, status: result.data } : { ok: false, code: 'answer_malformed' };
  } catch {
    return { ok: false, code: 'answer_malformed' };
  }
}
