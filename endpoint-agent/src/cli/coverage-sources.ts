import type { DeclaredSource } from '../core/index.ts';
import { DECLARATIONS } from '../sensors/linux/declarations.ts';
import { LOG_DECLARATION } from '../sensors/linux/logs/declaration.ts';
import { PERSISTENCE_DECLARATION } from '../sensors/linux/persistence/persistence-declaration.ts';
import type { SensorDeclaration } from '../sensors/sensor.ts';

/** Systems whose sensors exist, and systems for which only the declaration does. */
export const COVERED_SYSTEMS = ['linux', 'windows', 'macos'] as const;
export type CoveredSystem = (typeof COVERED_SYSTEMS)[number];

/** Whether the system's sensors have been built; what is only declared has never been seen to fire. */
export const BUILT: Readonly<Record<CoveredSystem, boolean>> = { linux: true, windows: false, macos: false };

const SYSMON_ALWAYS = ['EventID', 'RuleName', 'UtcTime', 'Computer', 'Channel', 'Provider_Name', 'User'];
const SYSMON_ACTOR = [...SYSMON_ALWAYS, 'ProcessGuid', 'ProcessId', 'Image'];
const SYSMON_FILE = [...SYSMON_ACTOR, 'TargetFilename', 'CreationUtcTime'];
const SYSMON_REGISTRY = [...SYSMON_ACTOR, 'EventType', 'TargetObject'];
const VERSION = ['FileVersion', 'Description', 'Product', 'Company', 'OriginalFileName', 'Hashes'];

/** Fields of Sysmon's events, as its manifest (schema 4.90) names them. */
const SYSMON: Readonly<Record<string, readonly string[]>> = {
  process_creation: [
    ...SYSMON_ACTOR,
    ...VERSION,
    'CommandLine',
    'CurrentDirectory',
    'LogonGuid',
    'LogonId',
    'TerminalSessionId',
    'IntegrityLevel',
    'ParentProcessGuid',
    'ParentProcessId',
    'ParentImage',
    'ParentCommandLine',
    'ParentUser',
  ],
  file_change: [...SYSMON_FILE, 'PreviousCreationUtcTime'],
  network_connection: [
    ...SYSMON_ACTOR,
    'Protocol',
    'Initiated',
    'SourceIsIpv6',
    'SourceIp',
    'SourceHostname',
    'SourcePort',
    'SourcePortName',
    'DestinationIsIpv6',
    'DestinationIp',
    'DestinationHostname',
    'DestinationPort',
    'DestinationPortName',
  ],
  sysmon_status: [...SYSMON_ALWAYS, 'State', 'Version', 'SchemaVersion', 'Configuration', 'ConfigurationFileHash'],
  process_termination: SYSMON_ACTOR,
  driver_load: [...SYSMON_ALWAYS, 'ImageLoaded', 'Hashes', 'Signed', 'Signature', 'SignatureStatus'],
  image_load: [...SYSMON_ACTOR, ...VERSION, 'ImageLoaded', 'Signed', 'Signature', 'SignatureStatus'],
  create_remote_thread: [
    ...SYSMON_ALWAYS,
    'SourceProcessGuid',
    'SourceProcessId',
    'SourceImage',
    'SourceUser',
    'TargetProcessGuid',
    'TargetProcessId',
    'TargetImage',
    'TargetUser',
    'NewThreadId',
    'StartAddress',
    'StartModule',
    'StartFunction',
  ],
  raw_access_thread: [...SYSMON_ACTOR, 'Device'],
  process_access: [
    ...SYSMON_ALWAYS,
    'SourceProcessGUID',
    'SourceProcessId',
    'SourceThreadId',
    'SourceImage',
    'SourceUser',
    'TargetProcessGUID',
    'TargetProcessId',
    'TargetImage',
    'TargetUser',
    'GrantedAccess',
    'CallTrace',
  ],
  file_event: SYSMON_FILE,
  registry_add: SYSMON_REGISTRY,
  registry_delete: SYSMON_REGISTRY,
  registry_set: [...SYSMON_REGISTRY, 'Details'],
  registry_rename: [...SYSMON_REGISTRY, 'NewName'],
  create_stream_hash: [...SYSMON_FILE, 'Hash', 'Hashes', 'Contents'],
  pipe_created: [...SYSMON_ACTOR, 'EventType', 'PipeName'],
  wmi_event: [
    ...SYSMON_ALWAYS,
    'EventType',
    'Operation',
    'EventNamespace',
    'Name',
    'Query',
    'Type',
    'Destination',
    'Consumer',
    'Filter',
  ],
  dns_query: [...SYSMON_ACTOR, 'QueryName', 'QueryStatus', 'QueryResults'],
  file_delete: [...SYSMON_FILE, 'Hashes', 'IsExecutable', 'Archived'],
  clipboard_capture: [...SYSMON_ACTOR, 'Session', 'ClientInfo', 'Hashes', 'Archived'],
  process_tampering: [...SYSMON_ACTOR, 'Type'],
  file_block_executable: [...SYSMON_FILE, 'Hashes'],
  file_block_shredding: [...SYSMON_FILE, 'Hashes', 'IsExecutable'],
  file_executable_detected: [...SYSMON_FILE, 'Hashes'],
  sysmon_error: [...SYSMON_ALWAYS, 'ID', 'Description'],
};

/** Channels to which the agent is to subscribe; an event's own data decides which fields it has. */
const WINDOWS_SERVICES = ['security', 'system', 'application', 'windefend', 'taskscheduler', 'wmi', 'sysmon'];
const POWERSHELL: readonly (readonly [category: string, service: string])[] = [
  ['ps_script', 'powershell'],
  ['ps_module', 'powershell'],
  ['ps_classic_start', 'powershell-classic'],
  ['ps_classic_provider_start', 'powershell-classic'],
  ['ps_classic_script', 'powershell-classic'],
];

/** What `eslogger` tells of each kind of event (Endpoint Security's message types). */
const ESLOGGER: Readonly<Record<string, readonly string[]>> = {
  process_creation: [
    'Image',
    'CommandLine',
    'CurrentDirectory',
    'User',
    'ProcessId',
    'ParentProcessId',
    'ParentImage',
    'ParentCommandLine',
  ],
  process_termination: ['Image', 'ProcessId', 'User'],
  file_event: ['Image', 'ProcessId', 'User', 'TargetFilename'],
  file_rename: ['Image', 'ProcessId', 'User', 'TargetFilename', 'SourceFilename'],
  file_delete: ['Image', 'ProcessId', 'User', 'TargetFilename'],
};

export function declaredSources(system: CoveredSystem): readonly DeclaredSource[] {
  switch (system) {
    case 'linux':
      return [...Object.values(DECLARATIONS), LOG_DECLARATION, PERSISTENCE_DECLARATION].flatMap(sourcesOf);
    case 'windows':
      return [
        ...Object.entries(SYSMON).map(([category, fields]) => ({
          sensor: 'windows-sysmon',
          product: system,
          category,
          service: 'sysmon',
          fields: new Set(fields),
        })),
        ...WINDOWS_SERVICES.map((service) => anything('windows-event-log', undefined, service)),
        ...POWERSHELL.map(([category, service]) => anything('windows-event-log', category, service)),
      ];
    case 'macos':
      return Object.entries(ESLOGGER).map(([category, fields]) => ({
        sensor: 'macos-eslogger',
        product: system,
        category,
        fields: new Set(fields),
      }));
  }
}

function sourcesOf({ name, provides, services = [] }: SensorDeclaration): readonly DeclaredSource[] {
  return [...provides, ...services].map((source) => ({
    sensor: name,
    product: 'linux',
    category: source.category,
    service: 'service' in source ? source.service : undefined,
    values: 'values' in source ? source.values : undefined,
    fields: new Set(source.fields),
  }));
}

function anything(sensor: string, category: string | undefined, service: string): DeclaredSource {
  return { sensor, product: 'windows', category, service, fields: 'any' };
}
