import { describe, expect, test } from 'vitest';
import { OWN_RULES } from '../../../../test/fakes/own-rules.ts';
import { absent } from '../../../../test/fakes/public-test-data.ts';
import { recordedAttacks } from '../../../../test/fakes/recorded-attacks.ts';
import { createSigmaEvaluator } from './sigma/create-sigma-evaluator.ts';

/**
 * Which of our rules find which recorded attack. The logs also hold what the machines did besides. Each hit was
 * looked at: it is the attack, its tool, or its author, who cleared the security log before recording.
 */
const FOUND: Readonly<Record<string, readonly string[]>> = {
  account_hidden_from_sign_in: ['registry_set_special_accounts'],
  account_hives_saved: ['PanacheSysmon_vs_AtomicRedTeam01'],
  account_joined_administrators: [
    'ID4732-4733-Quick added-removed user from local group',
    'ID4732-User added to local admin groups',
  ],
  attack_functions_in_script: ['Powershell-Invoke-Obfuscation-many', 'Powershell_4104_MiniDumpWriteDump_Lsass'],
  attack_tool_commands: [
    'ID1-WMIexec process execution',
    'ID10-Mimikatz LSASS process dump',
    'ID4688-5145-WMIexec execution via SMB',
    'powersploit-system',
  ],
  autostart_of_script_or_temporary_program: [
    'DE_timestomp_and_dll_sideloading_and_RunPersist',
    'PanacheSysmon_vs_AtomicRedTeam01',
    'evasion_persis_hidden_run_keyvalue_sysmon_13',
    'registry_set_persistence_logon_scripts_userinitmprlogonscript',
  ],
  backup_catalogue_deleted: ['PanacheSysmon_vs_AtomicRedTeam01'],
  database_server_starts_shell: [
    'ID4688-SQL Server payload injectection for reverse shell (MSF)',
    'sysmon_1_exec_via_sql_xpcmdshell',
  ],
  defender_switched_off: ['proc_creation_win_dism_remove'],
  defender_switched_off_by_script: ['ID800-4103-4104 Defender default action allow any (PowerShell)'],
  directory_replicated_by_user: ['ID4662-DCsync attack using Mimikatz'],
  domain_database_copied: ['ID4688-IFM created', 'PanacheSysmon_vs_AtomicRedTeam01'],
  download_by_tool_of_windows: [
    'ID4688-Certutil download',
    'PanacheSysmon_vs_AtomicRedTeam01',
    'Sysmon-27-BlockExeWrite_AbusingSvchost',
    'panache_sysmon_vs_EDRTestingScript',
    'proc_creation_win_certutil_download',
  ],
  download_run_by_powershell: ['powersploit-system', 'proc_creation_win_mal_shai_hulud_malicious_node_bun_execution'],
  event_log_cleared_by_command: ['ID4688-Clear event log attempt (native)'],
  logon_screen_back_door: ['PanacheSysmon_vs_AtomicRedTeam01'],
  lsass_dump_written: [
    'ID11-Mimikatz LSA SSP clear text password exfiltration',
    'file_event_win_dump_file_susp_creation',
    'file_event_win_taskmgr_lsass_dump',
  ],
  lsass_memory_dumped: ['PanacheSysmon_vs_AtomicRedTeam01'],
  lsass_opened_by_program_of_user: [
    'CA_sysmon_hashdump_cmd_meterpreter',
    'ID3-7-10-Suspicious DLL loaded (CME+Mimikatz)',
    'PanacheSysmon_vs_AtomicRedTeam01',
    'sysmon_2x10_lsass_with_different_pid_RtlCreateProcessReflection',
  ],
  network_mapped: [
    'proc_creation_win_hktl_netexec',
    'proc_creation_win_pua_adfind_execution',
    'proc_creation_win_pua_advanced_ip_scanner',
    'proc_creation_win_pua_advanced_port_scanner',
  ],
  powershell_obfuscated: [
    '4624,4674,4688- CrackMap Exec SMB mimikatz',
    'ID4624,4688,5140,5145-Eternal Romance - MS17_010_psexec (GLOBAL)',
    'LM_sysmon_psexec_smb_meterpreter',
  ],
  recovery_switched_off: ['PanacheSysmon_vs_AtomicRedTeam01'],
  remote_desktop_opened: ['sysmon_13_rdp_settings_tampering'],
  renamed_tool: ['proc_creation_win_renamed_binary_highly_relevant'],
  scheduled_task_of_hidden_script: ['rundll32_cmd_schtask'],
  scheduled_task_registered_for_hidden_script: [
    'ID4688,4698,4699,5145,4624-ATexec remote trask creation (GLOBAL)',
    'ID4698-4699-Fast created & deleted task by ATexec (susp. arg.)',
  ],
  script_fetched_by_tool_of_windows: [
    'PanacheSysmon_vs_AtomicRedTeam01',
    'exec_sysmon_1_7_jscript9_defense_evasion',
    'panache_sysmon_vs_EDRTestingScript',
  ],
  script_obfuscated: [
    'ID4103-4104-CrackMapExec payload execution',
    'Powershell-Invoke-Obfuscation-many',
    'Powershell-Invoke-Obfuscation-string-menu',
  ],
  script_watching_switched_off: [
    'de_PsScriptBlockLogging_disabled_sysmon12_13',
    'registry_set_amsi_disable',
    'registry_set_powershell_logging_disabled',
  ],
  security_log_cleared: [
    'DE_RDP_Tunnel_5156',
    'ID4624,4688,5140,5145-Eternal Romance - MS17_010_psexec (GLOBAL)',
    'ID4656, 5145, 4674-Impacket secret dump via SMB',
    'ID4656-Failed sethc replacement by CMD',
    'ID4688,4624-RottenPotatoNG',
    'ID4688-5145-WMIexec execution via SMB',
    'ID4688-5447-4950-Firewall disabled (command)',
    'ID4688-Certutil download',
    'ID4688-Password policy discovery via commandline',
    'NTLM2SelfRelay-med0x2e-security_4624_4688',
    'kerberos_pwd_spray_4771',
    'password-spray',
    'powersploit-system',
  ],
  service_of_shell_or_temporary_program: ['LM_Remote_Service02_7045', 'metasploit-psexec-native-target-system'],
  service_program_replaced: ['ID4688-Service abuse with malicious path'],
  service_runs_shell: ['LM_sysmon_psexec_smb_meterpreter', 'sysmon_13_1_meterpreter_getsystem_NamedPipeImpersonation'],
  shadow_copies_deleted: ['ID4688-Delete VSS backup (WMI)', 'PanacheSysmon_vs_AtomicRedTeam01'],
  system_name_in_wrong_folder: [
    'proc_creation_win_susp_system_exe_anomaly',
    'proc_creation_win_svchost_masqueraded_execution',
  ],
  system_restore_switched_off: ['registry_set_disable_system_restore'],
  user_account_control_bypassed: [
    'Sysmon_13_1_UACBypass_SDCLTBypass',
    'Sysmon_UACME_34',
    'Sysmon_UACME_56',
    'registry_set_bypass_uac_using_eventviewer',
    'sysmon_13_1_compmgmtlauncherUACBypass',
    'sysmon_uacbypass_CDSSync_schtask_hijack_byeintegrity5',
  ],
  web_server_starts_shell: ['discovery_sysmon_1_iis_pwd_and_config_discovery_appcmd'],
  wmi_subscription_runs_command: ['ID19-20-WMI registration via PowerLurk'],
};
/** Logs of the public test data when the hits were looked at. */
const LOGS = 262;

const missing = absent('evtx') || absent('sigma-regression');
const pack = createSigmaEvaluator(OWN_RULES);
const names = new Map(pack.rules.map(({ facts, place }) => [facts.ruleId, place.file]));

describe.skipIf(missing !== '')(`recorded attacks${missing}`, () => {
  const attacks = missing === '' ? recordedAttacks() : [];
  const found = new Map<string, Set<string>>();
  for (const { name, events } of attacks) {
    for (const event of events) {
      for (const { rule } of pack.evaluate(event)) {
        const file = names.get(rule.ruleId) ?? rule.ruleId;
        const logs = found.get(file) ?? new Set();
        found.set(file, logs.add(name));
      }
    }
  }

  test.each(Object.entries(FOUND))('%s finds %j', (name, logs) => {
    expect([...(found.get(`windows/${name}.yml`) ?? [])]).toEqual(expect.arrayContaining([...logs]));
  });

  const other = attacks.length === LOGS ? '' : ` (skipped: ${attacks.length} logs where ${LOGS} were looked at)`;
  test.skipIf(other !== '')(`nothing else in these logs is found, whatever else the machines did${other}`, () => {
    const all = Object.fromEntries([...found].map(([file, logs]) => [file, [...logs].sort()]));
    const expected = Object.entries(FOUND).map(([name, logs]) => [`windows/${name}.yml`, [...logs].sort()]);
    expect(all).toEqual(Object.fromEntries(expected));
  });
});
