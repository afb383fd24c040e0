/** Version of the console, the same as in its package.json. */
export const CONSOLE_VERSION = '0.1.0';
