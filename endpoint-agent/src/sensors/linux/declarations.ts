import type { SensorDeclaration } from '../sensor.ts';
import { SOCKET_SERVICE } from './audit/network-observations.ts';
import { STANDING_SERVICE } from './audit/process-act-observations.ts';
import { RECORD_SOURCES } from './audit/raw/record-sources.ts';
import { type SourceName, TAMPER_SERVICE } from './capture/source.ts';

const ACTOR = ['ProcessId', 'Image', 'User', 'EffectiveUser', 'LogonUser', 'LogonId'] as const;
const WRITER = ['ProcessId', 'Image', 'User'] as const;
/** Of an event about a file; the namespace where it is not the agent's own. */
const FILE = [...WRITER, 'TargetFilename', 'MountNamespace'] as const;
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
          'ScriptFile',
          'ImageState',
          'ContainerId',
          'MountNamespace',
          'PidNamespace',
          'NetworkNamespace',
          'UserNamespace',
        ],
      },
      {
        category: 'network_connection',
        fields: [
          ...ACTOR,
          'SourceIp',
          'SourcePort',
          'SourceIsIpv6',
          'DestinationIp',
          'DestinationPort',
          'DestinationIsIpv6',
          'Initiated',
          'Protocol',
          'Through',
          'Count',
        ],
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
        service: STANDING_SERVICE,
        fields: [...ACTOR, 'EventType', 'MountKind', 'TargetFilename', 'Namespaces', 'NewUser', 'Capabilities'],
      },
      { service: SOCKET_SERVICE, fields: [...ACTOR, 'EventType', 'LocalIp', 'LocalPort', 'Protocol'] },
      ...RECORD_SOURCES,
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
    provides: [
      {
        category: 'process_termination',
        fields: ['ProcessId', 'Image', 'User', 'ExitCode', 'ExitSignal', 'Duration'],
      },
    ],
  },
  'linux-files': {
    name: 'linux-files',
    provides: [
      { category: 'file_event', fields: [...FILE, 'Operation', 'Count', 'FoundBy', 'FileOwner'] },
      {
        category: 'file_change',
        fields: [
          ...FILE,
          'EventType',
          'FileMode',
          'FileOwner',
          'IsSetUserId',
          'IsSetGroupId',
          'HasFileCapabilities',
          'LastWriteTime',
          'IsDirectory',
          'Count',
        ],
      },
      { category: 'file_rename', fields: [...FILE, 'SourceFilename', 'IsDirectory'] },
      { category: 'file_delete', fields: [...FILE, 'IsDirectory'] },
    ],
    services: [{ service: TAMPER_SERVICE, fields: TAMPERING }],
  },
  'linux-network': {
    name: 'linux-network',
    provides: [
      {
        category: 'dns_query',
        fields: [...WRITER, 'QueryName', 'QueryType', 'DestinationIp', 'SourcePort', 'ProcessFoundBy'],
      },
    ],
    services: [{ service: SOCKET_SERVICE, fields: [...WRITER, 'EventType', 'LocalIp', 'LocalPort', 'Protocol'] }],
  },
};
