/** Numbers of `linux/audit.h`. */

/** Message types between control socket and kernel. */
export const AUDIT_GET = 1000;
export const AUDIT_SET = 1001;
export const AUDIT_ADD_RULE = 1011;
export const AUDIT_DEL_RULE = 1012;
export const AUDIT_LIST_RULES = 1013;

/** Record types. */
export const RECORD = {
  SYSCALL: 1300,
  PATH: 1302,
  CONFIG_CHANGE: 1305,
  SOCKADDR: 1306,
  CWD: 1307,
  EXECVE: 1309,
  OBJ_PID: 1318,
  EOE: 1320,
  CAPSET: 1322,
  KERN_MODULE: 1330,
  URINGOP: 1336,
} as const;

/** Filter lists (`flags` of a rule) and actions. */
export const LIST_TASK = 1;
export const LIST_EXIT = 4;
export const LIST_EXCLUDE = 5;
/** Calls made through io_uring, Linux 5.16. */
export const LIST_URING = 7;
export const LIST_PREPEND = 0x10;
export const ACTION_NEVER = 0;
export const ACTION_ALWAYS = 2;

export const FIELD = {
  PID: 0,
  ARCH: 11,
  MSGTYPE: 12,
  SUCCESS: 104,
  WATCH: 105,
  PERM: 106,
  DIR: 107,
  SADDR_FAM: 113,
  ARG0: 200,
  ARG1: 201,
  ARG2: 202,
  KEY: 210,
} as const;

export const OPERATOR_EQUAL = 0x40000000;
/** True when one of the value's bits is set. */
export const OPERATOR_ANY_BIT = 0x08000000;
/** Kinds of access of a watch: `w`, `r` and `a` of auditctl. */
export const PERM_WRITE = 2;
export const PERM_READ = 4;
export const PERM_ATTRIBUTE = 8;

/** AUDIT_ARCH_*: ELF machine | 64-bit flag | little-endian flag. */
export const ARCH = {
  X86_64: 0xc000003e,
  I386: 0x40000003,
  AARCH64: 0xc00000b7,
  ARM: 0x40000028,
} as const;

/** Bits of `audit_status.mask`: which members a SET applies. */
export const STATUS_ENABLED = 0x01;
export const STATUS_FAILURE = 0x02;
export const STATUS_PID = 0x04;
export const STATUS_RATE_LIMIT = 0x08;
export const STATUS_BACKLOG_LIMIT = 0x10;
export const STATUS_BACKLOG_WAIT = 0x20;

/** `enabled` after `auditctl -e 2`: nothing can be changed until the next boot. */
export const ENABLED_LOCKED = 2;
/** `failure` after `auditctl -f 2`: the kernel panics when a record is lost. */
export const FAILURE_PANIC = 2;
export const FAILURE_PRINTK = 1;

/** The multicast group that carries every record beside the registered daemon. */
export const GROUP_READLOG = 1;
