import type { Platform } from '@yagura/protocol';

const PLATFORMS: Readonly<Partial<Record<NodeJS.Platform, Platform>>> = {
  linux: 'linux',
  win32: 'windows',
  darwin: 'macos',
};

/** The system that the agent runs on, as rules and the console name it; other Unix systems count as Linux. */
export function thisPlatform(system: NodeJS.Platform = process.platform): Platform {
  return PLATFORMS[system] ?? 'linux';
}
