/** The console cannot start for a reason that an operator can do something about: one line, one code. */
export class StartupError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartupError';
    this.code = code;
  }
}

/** What a failed `listen` means, with the variable that chooses another port. */
export function listenError(code: string, address: string, port: number, variable: string): StartupError {
  if (code === 'EADDRINUSE') {
    return new StartupError(
      'port_in_use',
      `port ${port} is in use: stop the program that holds it, or choose another port with ${variable}`,
    );
  }
  if (code === 'EACCES') {
    return new StartupError(
      'port_not_permitted',
      `this user may not listen on port ${port}: choose a port above 1023 with ${variable}`,
    );
  }
  return new StartupError('listen_failed', `cannot listen on ${address}:${port} (${code}): check ${variable}`);
}
