import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The agent's own rules, as they lie in the workspace. */
export const OWN_PACK = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'rules');
