/**
 * Files without which the machine does not start or nobody can log in, though no package lists them: they are
 * made at installation and by the system's own tools.
 */
const SYSTEM_FILES: readonly RegExp[] = [
  /^\/(?:boot|efi)\//,
  /^\/etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-?$/,
  /^\/etc\/(?:fstab|crypttab|mtab|hosts|hostname|resolv\.conf|nsswitch\.conf|machine-id|environment|localtime)$/,
  /^\/etc\/(?:ld\.so\.cache|ld\.so\.conf|sudoers|shells|login\.defs|inittab|default\/grub)$/,
  /^\/etc\/(?:pam\.d|pam\.conf|security|selinux|apparmor\.d|netplan|NetworkManager|network)(?:\/|$)/,
  /^\/etc\/ssh\/(?:ssh_host_.*|sshd_config|ssh_config)$/,
  /^\/(?:usr\/)?lib\/modules\/[^/]+\/modules\./,
  /^\/var\/lib\/(?:dpkg|rpm|pacman|apt)\//,
  /^\/usr\/lib\/(?:sysimage|locale)\//,
  /^\/lib\/apk\//,
];

/** `path` without aliases. */
export function isSystemFile(path: string): boolean {
  return SYSTEM_FILES.some((pattern) => pattern.test(path));
}
