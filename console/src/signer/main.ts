import { runSigner } from './run-signer.ts';

// Everything that this process ever creates is its user's alone, the socket's group excepted.
process.umask(0o077);
process.exitCode = await runSigner(process.argv.slice(2), process.env);
