/** What a sensor says that sees only a part without privilege. */
export const NEEDS_ROOT = {
  code: 'needs_root',
  detail:
    'Without root the agent polls: short-lived processes, connections and most files stay unseen. ' +
    'Run it as root (for example: sudo npm start).',
} as const;
