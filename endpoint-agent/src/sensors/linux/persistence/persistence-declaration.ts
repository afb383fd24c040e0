import type { SensorDeclaration } from '../../sensor.ts';

/** What the sensor can fill in, when all is well. */
export const PERSISTENCE_DECLARATION: SensorDeclaration = {
  name: 'linux-persistence',
  provides: [
    {
      category: 'persistence',
      fields: [
        'TargetFilename',
        'PersistenceType',
        'Operation',
        'FoundBy',
        'ContentBefore',
        'ContentAfter',
        'ContentAdded',
        'ContentRemoved',
        'ContentTruncated',
        'LinkTarget',
        'PreviousHashes',
        'Hashes',
        'sha256',
        'FileMode',
        'FileOwner',
        'LastWriteTime',
        'ProcessId',
        'Image',
        'User',
      ],
    },
  ],
};
