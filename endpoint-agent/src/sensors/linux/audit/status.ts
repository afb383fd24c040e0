/**
 * struct audit_status of `linux/audit.h`, 44 bytes: u32 mask@0, enabled@4, failure@8, pid@12, rate_limit@16,
 * backlog_limit@20, lost@24, backlog@28, features@32, backlog_wait_time@36 (jiffies), wait_time_actual@40.
 * Older kernels send a shorter one; what they lack reads as zero.
 */
export interface AuditStatus {
  readonly enabled: number;
  readonly failure: number;
  /** The registered audit daemon, 0 for none. */
  readonly pid: number;
  /** Records a second beyond which the kernel drops them; 0 for no limit. */
  readonly rateLimit: number;
  readonly backlogLimit: number;
  /** Records that the kernel dropped since boot. */
  readonly lost: number;
  /** Jiffies for which a process waits in the kernel when the backlog is full. */
  readonly backlogWaitTime: number;
}

const STATUS_BYTES = 44;

export function decodeStatus(payload: Uint8Array): AuditStatus {
  const whole = Buffer.alloc(STATUS_BYTES);
  whole.set(payload.subarray(0, STATUS_BYTES));
  return {
    enabled: whole.readUInt32LE(4),
    failure: whole.readUInt32LE(8),
    pid: whole.readUInt32LE(12),
    rateLimit: whole.readUInt32LE(16),
    backlogLimit: whole.readUInt32LE(20),
    lost: whole.readUInt32LE(24),
    backlogWaitTime: whole.readUInt32LE(36),
  };
}

/** A SET message's payload; only the members that `mask` names take effect. */
export function encodeStatus(mask: number, status: Partial<AuditStatus>): Buffer {
  const payload = Buffer.alloc(STATUS_BYTES);
  payload.writeUInt32LE(mask, 0);
  payload.writeUInt32LE(status.enabled ?? 0, 4);
  payload.writeUInt32LE(status.failure ?? 0, 8);
  payload.writeUInt32LE(status.pid ?? 0, 12);
  payload.writeUInt32LE(status.rateLimit ?? 0, 16);
  payload.writeUInt32LE(status.backlogLimit ?? 0, 20);
  payload.writeUInt32LE(status.backlogWaitTime ?? 0, 36);
  return payload;
}
