import { z } from 'zod';

/**
 * Imported before every schema: zod otherwise tries to compile validators with `new Function`, which the
 * content security policy forbids and reports.
 */
z.config({ jitless: true });
