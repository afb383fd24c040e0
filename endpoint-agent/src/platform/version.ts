/** The agent's version as it says it to the console; a test holds it to package.json. */
export const AGENT_VERSION = '0.1.0';
