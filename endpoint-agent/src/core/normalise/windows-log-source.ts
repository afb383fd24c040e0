/** Sigma's names for a Windows event: its `service` by channel, its `category` by provider and event id. */
export interface WindowsLogSource {
  readonly product: 'windows';
  readonly category?: string;
  readonly service?: string;
}

/** Channels of Sigma's taxonomy (appendix 2.1, "Windows folder"), in lower case. */
const SERVICE_OF_CHANNEL: ReadonlyMap<string, string> = new Map([
  ['application', 'application'],
  ['security', 'security'],
  ['system', 'system'],
  ['dns server', 'dns-server'],
  ['windows powershell', 'powershell-classic'],
  ['msexchange management', 'msexchange-management'],
  ['openssh/operational', 'openssh'],
  ['powershellcore/operational', 'powershell'],
  ['microsoft-iis-configuration/operational', 'iis-configuration'],
  ['microsoft-servicebus-client', 'microsoft-servicebus-client'],
  ['microsoft-servicebus-client/admin', 'microsoft-servicebus-client'],
  ['microsoft-servicebus-client/operational', 'microsoft-servicebus-client'],
  ...(
    [
      ['sysmon/operational', 'sysmon'],
      ['powershell/operational', 'powershell'],
      ['windows defender/operational', 'windefend'],
      ['taskscheduler/operational', 'taskscheduler'],
      ['wmi-activity/operational', 'wmi'],
      ['application-experience/program-telemetry', 'application-experience'],
      ['application-experience/program-compatibility-assistant', 'application-experience'],
      ['applocker/msi and script', 'applocker'],
      ['applocker/exe and dll', 'applocker'],
      ['applocker/packaged app-deployment', 'applocker'],
      ['applocker/packaged app-execution', 'applocker'],
      ['appmodel-runtime/admin', 'appmodel-runtime'],
      ['appxdeploymentserver/operational', 'appxdeployment-server'],
      ['appxpackaging/operational', 'appxpackaging-om'],
      ['bitlocker/bitlocker management', 'bitlocker'],
      ['bits-client/operational', 'bits-client'],
      ['capi2/operational', 'capi2'],
      ['certificateservicesclient-lifecycle-system/operational', 'certificateservicesclient-lifecycle-system'],
      ['codeintegrity/operational', 'codeintegrity-operational'],
      ['dhcp-server/operational', 'dhcp'],
      ['diagnosis-scripted/operational', 'diagnosis-scripted'],
      ['dns client events/operational', 'dns-client'],
      ['dns-client/operational', 'dns-client'],
      ['dns-server/analytical', 'dns-server-analytic'],
      ['dns-server/audit', 'dns-server-audit'],
      ['driverframeworks-usermode/operational', 'driver-framework'],
      ['windows firewall with advanced security/firewall', 'firewall-as'],
      ['hyper-v-worker', 'hyper-v-worker'],
      ['kernel-eventtracing', 'kernel-event-tracing'],
      ['kernel-shimengine/operational', 'kernel-shimengine'],
      ['kernel-shimengine/diagnostic', 'kernel-shimengine'],
      ['ldap-client/debug', 'ldap'],
      ['lsa/operational', 'lsa-server'],
      ['ntfs/operational', 'ntfs'],
      ['ntlm/operational', 'ntlm'],
      ['printservice/admin', 'printservice-admin'],
      ['printservice/operational', 'printservice-operational'],
      ['security-mitigations/kernel mode', 'security-mitigations'],
      ['security-mitigations/user mode', 'security-mitigations'],
      ['security-mitigations/kernelmode', 'security-mitigations'],
      ['security-mitigations/usermode', 'security-mitigations'],
      ['sense/operational', 'sense'],
      ['shell-core/operational', 'shell-core'],
      ['smbclient/security', 'smbclient-security'],
      ['smbclient/connectivity', 'smbclient-connectivity'],
      ['smbserver/connectivity', 'smbserver-connectivity'],
      ['terminalservices-localsessionmanager/operational', 'terminalservices-localsessionmanager'],
      ['vhdmp-operational', 'vhdmp'],
      ['vhdmp/operational', 'vhdmp'],
    ] as const
  ).map(([channel, service]): [string, string] => [`microsoft-windows-${channel}`, service]),
]);

/** Sysmon's event ids. Registry keys are created and deleted under one id; see `sysmonCategory`. */
const SYSMON_CATEGORIES: ReadonlyMap<number, string> = new Map([
  [1, 'process_creation'],
  [2, 'file_change'],
  [3, 'network_connection'],
  [4, 'sysmon_status'],
  [5, 'process_termination'],
  [6, 'driver_load'],
  [7, 'image_load'],
  [8, 'create_remote_thread'],
  [9, 'raw_access_thread'],
  [10, 'process_access'],
  [11, 'file_event'],
  [12, 'registry_add'],
  [13, 'registry_set'],
  [14, 'registry_rename'],
  [15, 'create_stream_hash'],
  [16, 'sysmon_status'],
  [17, 'pipe_created'],
  [18, 'pipe_created'],
  [19, 'wmi_event'],
  [20, 'wmi_event'],
  [21, 'wmi_event'],
  [22, 'dns_query'],
  [23, 'file_delete'],
  [24, 'clipboard_capture'],
  [25, 'process_tampering'],
  [26, 'file_delete_detected'],
  [27, 'file_block_executable'],
  [28, 'file_block_shredding'],
  [29, 'file_executable_detected'],
  [255, 'sysmon_error'],
]);

const POWERSHELL_CATEGORIES: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map([
  [
    'powershell',
    new Map([
      [4103, 'ps_module'],
      [4104, 'ps_script'],
    ]),
  ],
  [
    'powershell-classic',
    new Map([
      [400, 'ps_classic_start'],
      [600, 'ps_classic_provider_start'],
      [800, 'ps_classic_script'],
    ]),
  ],
]);

/** The log source of an event. `eventType` is Sysmon's field of that name. */
export function windowsLogSource(channel: string, eventId: number, eventType: unknown): WindowsLogSource {
  const service = SERVICE_OF_CHANNEL.get(channel.toLowerCase());
  const category = categoryOf(service, eventId, eventType);
  return {
    product: 'windows',
    ...(category === undefined ? {} : { category }),
    ...(service === undefined ? {} : { service }),
  };
}

function categoryOf(service: string | undefined, eventId: number, eventType: unknown): string | undefined {
  if (service === 'sysmon') {
    const deletes = eventId === 12 && typeof eventType === 'string' && eventType.startsWith('Delete');
    return deletes ? 'registry_delete' : SYSMON_CATEGORIES.get(eventId);
  }
  if (service === 'security') {
    return eventId === 4688 ? 'process_creation' : eventId === 4689 ? 'process_termination' : undefined;
  }
  return service === undefined ? undefined : POWERSHELL_CATEGORIES.get(service)?.get(eventId);
}
