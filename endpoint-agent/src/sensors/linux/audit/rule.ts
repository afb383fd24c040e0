import { ACTION_ALWAYS, FIELD, OPERATOR_EQUAL } from './constants.ts';

/** One comparison, an equality unless said otherwise. Numbers are u32; strings are paths or keys. */
export interface RuleField {
  readonly field: number;
  readonly value: number | string;
  readonly operator?: number;
}

/** A rule as auditctl would add it. `syscalls` absent means all of them. */
export interface AuditRule {
  readonly list: number;
  readonly action: number;
  readonly syscalls?: readonly number[];
  readonly fields: readonly RuleField[];
  /** Kernels that do not know it refuse it; what it would show is then named as not seen. */
  readonly optional?: true;
}

/**
 * struct audit_rule_data: u32 flags@0 (list), action@4, field_count@8, mask[64]@12, fields[64]@268,
 * values[64]@524, fieldflags[64]@780, buflen@1036, buf@1040. A string's value is its length in `buf`.
 */
const FIXED_BYTES = 1040;
const MASK_WORDS = 64;
const MAX_FIELDS = 64;
const STRING_FIELDS: ReadonlySet<number> = new Set([FIELD.WATCH, FIELD.DIR, FIELD.KEY]);

export function encodeRule(rule: AuditRule): Buffer {
  if (rule.fields.length > MAX_FIELDS) throw new RangeError('a rule has at most 64 fields');
  const strings: Buffer[] = [];
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt32LE(rule.list, 0);
  fixed.writeUInt32LE(rule.action, 4);
  fixed.writeUInt32LE(rule.fields.length, 8);
  if (rule.syscalls) {
    for (const number of rule.syscalls) setBit(fixed, number);
  } else {
    fixed.fill(0xff, 12, 12 + MASK_WORDS * 4);
  }
  rule.fields.forEach(({ field, value, operator = OPERATOR_EQUAL }, index) => {
    fixed.writeUInt32LE(field, 268 + index * 4);
    fixed.writeUInt32LE(operator, 780 + index * 4);
    if (typeof value === 'number') {
      fixed.writeUInt32LE(value >>> 0, 524 + index * 4);
    } else {
      const bytes = Buffer.from(value, 'utf8');
      fixed.writeUInt32LE(bytes.length, 524 + index * 4);
      strings.push(bytes);
    }
  });
  const buffer = Buffer.concat(strings);
  fixed.writeUInt32LE(buffer.length, 1036);
  return Buffer.concat([fixed, buffer]);
}

/** What the kernel's rule list says of one rule, as far as we ask. */
export interface ListedRule {
  readonly list: number;
  readonly action: number;
  readonly key?: string;
  /** Its comparisons; a string's value is its length. */
  readonly fields: readonly { readonly field: number; readonly value: number }[];
  /** The payload as received: sent back with DEL_RULE it names exactly this rule. */
  readonly raw: Uint8Array;
}

export function decodeRule(payload: Uint8Array): ListedRule | undefined {
  if (payload.length < FIXED_BYTES) return undefined;
  const bytes = Buffer.from(payload);
  const count = Math.min(bytes.readUInt32LE(8), MAX_FIELDS);
  let offset = FIXED_BYTES;
  let key: string | undefined;
  const fields: { readonly field: number; readonly value: number }[] = [];
  for (let index = 0; index < count; index += 1) {
    const field = bytes.readUInt32LE(268 + index * 4);
    const value = bytes.readUInt32LE(524 + index * 4);
    fields.push({ field, value });
    if (!isString(field)) continue;
    if (field === FIELD.KEY) key = bytes.toString('utf8', offset, offset + value);
    offset += value;
  }
  return {
    list: bytes.readUInt32LE(0),
    action: bytes.readUInt32LE(4),
    ...(key === undefined ? {} : { key }),
    fields,
    raw: bytes,
  };
}

/** Fields whose value is a length: SELinux user to level (13 to 23 in parts), watch, dir, exe and key. */
function isString(field: number): boolean {
  return STRING_FIELDS.has(field) || (field >= 13 && field <= 17) || (field >= 19 && field <= 23) || field === 112;
}

function setBit(fixed: Buffer, syscall: number): void {
  const offset = 12 + (syscall >>> 5) * 4;
  fixed.writeUInt32LE((fixed.readUInt32LE(offset) | (1 << (syscall & 31))) >>> 0, offset);
}

export function always(list: number, syscalls: readonly number[] | undefined, fields: readonly RuleField[]): AuditRule {
  return { list, action: ACTION_ALWAYS, ...(syscalls ? { syscalls } : {}), fields };
}
