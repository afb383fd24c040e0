/**
 * Records that programs write into the audit log by themselves (libaudit's `msg_typetab`): PAM, sshd, sudo,
 * useradd, systemd and others send them to the kernel, which adds who sent them.
 */
const MESSAGE_TYPES: ReadonlyMap<number, string> = new Map([
  [1100, 'USER_AUTH'],
  [1101, 'USER_ACCT'],
  [1102, 'USER_MGMT'],
  [1103, 'CRED_ACQ'],
  [1104, 'CRED_DISP'],
  [1105, 'USER_START'],
  [1106, 'USER_END'],
  [1107, 'USER_AVC'],
  [1108, 'USER_CHAUTHTOK'],
  [1109, 'USER_ERR'],
  [1110, 'CRED_REFR'],
  [1111, 'USYS_CONFIG'],
  [1112, 'USER_LOGIN'],
  [1113, 'USER_LOGOUT'],
  [1114, 'ADD_USER'],
  [1115, 'DEL_USER'],
  [1116, 'ADD_GROUP'],
  [1117, 'DEL_GROUP'],
  [1118, 'DAC_CHECK'],
  [1119, 'CHGRP_ID'],
  [1120, 'TEST'],
  [1121, 'TRUSTED_APP'],
  [1122, 'USER_SELINUX_ERR'],
  [1123, 'USER_CMD'],
  [1124, 'USER_TTY'],
  [1125, 'CHUSER_ID'],
  [1126, 'GRP_AUTH'],
  [1127, 'SYSTEM_BOOT'],
  [1128, 'SYSTEM_SHUTDOWN'],
  [1129, 'SYSTEM_RUNLEVEL'],
  [1130, 'SERVICE_START'],
  [1131, 'SERVICE_STOP'],
  [1132, 'GRP_MGMT'],
  [1133, 'GRP_CHAUTHTOK'],
  [1134, 'MAC_CHECK'],
  [1135, 'ACCT_LOCK'],
  [1136, 'ACCT_UNLOCK'],
  [1137, 'USER_DEVICE'],
  [1138, 'SOFTWARE_UPDATE'],
  [2100, 'ANOM_LOGIN_FAILURES'],
  [2101, 'ANOM_LOGIN_TIME'],
  [2102, 'ANOM_LOGIN_SESSIONS'],
  [2103, 'ANOM_LOGIN_ACCT'],
  [2104, 'ANOM_LOGIN_LOCATION'],
  [2111, 'ANOM_ACCESS_FS'],
  [2112, 'ANOM_EXEC'],
  [2113, 'ANOM_MK_EXEC'],
  [2114, 'ANOM_ADD_ACCT'],
  [2115, 'ANOM_DEL_ACCT'],
  [2116, 'ANOM_MOD_ACCT'],
  [2117, 'ANOM_ROOT_TRANS'],
  [2404, 'CRYPTO_KEY_USER'],
  [2407, 'CRYPTO_SESSION'],
]);

/** Written by the kernel itself for a terminal that pam_tty_audit watches; in the form of a message. */
const TTY = 1319;

/** The record type's name when it is a message of a program, or one of the same form; undefined for all others. */
export function messageTypeName(type: number): string | undefined {
  return type === TTY ? 'TTY' : MESSAGE_TYPES.get(type);
}

export const MESSAGE_TYPE_NUMBERS: readonly number[] = [...MESSAGE_TYPES.keys()];
export const MESSAGE_TYPE_NAMES: readonly string[] = [...MESSAGE_TYPES.values(), 'TTY'];
