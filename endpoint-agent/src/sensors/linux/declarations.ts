import type { SensorDeclaration } from '../sensor.ts';
import { type SourceName, TAMPER_SERVICE } from './capture/source.ts';

const ACTOR = ['ProcessId', 'Image', 'User', 'EffectiveUser', 'LogonUser', 'LogonId'] as const;
const WRITER = ['ProcessId', 'Image', 'User'] as const;
/** Of an event about the sensor itself. */
const TAMPERING = ['EventType', 'Sensor', 'Details', 'Mended', 'Count'] as const;

/** What each source can fill in, when all is well. */
export const DECLARATIONS: Readonly<Record<SourceName, SensorDeclaration>> = {
  'linux-audit': {
    name: 'linux-audit',
    provides: [
      {
        category: 'process_creation',
        fields: [
          ...ACTOR,
          'CommandLine',
          'Arguments',
          'CurrentDirectory',
          'ParentProcessId',
          'ParentImage',
          'ParentCommandLine',
          'ParentUser',
          'sha256',
          'Hashes',
        ],
      },
      {
        category: 'network_connection',
        fields: [...ACTOR, 'DestinationIp', 'DestinationPort', 'DestinationIsIpv6', 'Initiated', 'Protocol'],
      },
      {
        category: 'process_access',
        fields: [
          'SourceProcessId',
          'SourceImage',
          'User',
          'EffectiveUser',
          'LogonUser',
          'LogonId',
          'TargetProcessId',
          'TargetImage',
          'TargetUser',
          'GrantedAccess',
        ],
      },
      { category: 'driver_load', fields: [...ACTOR, 'ImageLoaded'] },
      { category: 'file_access', fields: [...ACTOR, 'TargetFilename'] },
    ],
    services: [
      {
        service: TAMPER_SERVICE,
        fields: [
          ...TAMPERING,
          'ProcessId',
          'Image',
          'CommandLine',
          'User',
          'LogonUser',
          'ParentImage',
          'ParentCommandLine',
        ],
      },
    ],
  },
  'linux-processes': {
    name: 'linux-processes',
    provides: [{ category: 'process_termination', fields: ['ProcessId', 'Image', 'User', 'ExitCode', 'ExitSignal'] }],
  },
  'linux-files': {
    name: 'linux-files',
    provides: [
      { category: 'file_event', fields: [...WRITER, 'TargetFilename', 'Operation', 'Count'] },
      { category: 'file_rename', fields: [...WRITER, 'TargetFilename', 'SourceFilename', 'IsDirectory'] },
      { category: 'file_delete', fields: [...WRITER, 'TargetFilename', 'IsDirectory'] },
    ],
    services: [{ service: TAMPER_SERVICE, fields: TAMPERING }],
  },
};
