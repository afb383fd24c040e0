import type { ProcessFacts } from './process-lookup.ts';

/**
 * What a process is for the machine, as far as stories and responses care:
 * - `infrastructure`: everything on the machine hangs below it. Never part of a story, never stopped.
 * - `service-main`: the process that a service manager started. Its children serve unrelated customers.
 * - `session-leader`: the shell that a person sits in front of.
 * - `ordinary`: the rest.
 */
export type SystemRole = 'infrastructure' | 'service-main' | 'session-leader' | 'ordinary';

/** Without these the machine, or the way into it, is gone. Names of files in the system's own folders. */
const INFRASTRUCTURE_NAMES: ReadonlySet<string> = new Set([
  'systemd',
  'init',
  'launchd',
  'openrc-init',
  'runit',
  'runsvdir',
  'runsv',
  's6-svscan',
  's6-supervise',
  'supervisord',
  'tini',
  'dumb-init',
  'docker-init',
  'catatonit',
  'dbus-daemon',
  'dbus-broker',
  'dbus-broker-launch',
  'systemd-journald',
  'systemd-logind',
  'systemd-udevd',
  'systemd-networkd',
  'systemd-resolved',
  'systemd-timesyncd',
  'systemd-machined',
  'systemd-executor',
  'polkitd',
  'udevd',
  'rsyslogd',
  'auditd',
  'NetworkManager',
  'dhclient',
  'dhcpcd',
  'sshd',
  'sshd-session',
  'sshd-auth',
  'login',
  'agetty',
  'getty',
  'mingetty',
  'cron',
  'crond',
  'anacron',
  'atd',
  'gdm3',
  'gdm',
  'gdm-session-worker',
  'lightdm',
  'sddm',
  'Xorg',
  'Xwayland',
  'gnome-shell',
  'gnome-session-binary',
  'kwin_wayland',
  'plasmashell',
  'dockerd',
  'containerd',
  'containerd-shim',
  'containerd-shim-runc-v2',
  'conmon',
  'crio',
  'kubelet',
  'libvirtd',
  'lvmetad',
  'dmeventd',
  'multipathd',
  'iscsid',
  'mdadm',
]);

/** What stands between a login and the shell of a person. */
const SESSION_PROVIDERS: ReadonlySet<string> = new Set([
  'sshd',
  'sshd-session',
  'login',
  'su',
  'sudo',
  'doas',
  'runuser',
  'tmux',
  'tmux: server',
  'screen',
  'SCREEN',
  'script',
  'mosh-server',
  'xterm',
  'gnome-terminal-server',
  'gnome-terminal-',
  'konsole',
  'xfce4-terminal',
  'kitty',
  'alacritty',
  'gdm-session-worker',
]);

/** Of the infrastructure, those whose children are services of their own. */
const SERVICE_MANAGERS: ReadonlySet<string> = new Set([
  'systemd',
  'systemd-executor',
  'init',
  'launchd',
  'openrc-init',
  'runit',
  'runsv',
  's6-supervise',
  'supervisord',
  'tini',
  'dumb-init',
  'docker-init',
  'catatonit',
  'containerd-shim',
  'containerd-shim-runc-v2',
  'conmon',
]);

export const SHELLS: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'rbash',
  'dash',
  'ash',
  'ksh',
  'mksh',
  'ksh93',
  'zsh',
  'csh',
  'tcsh',
  'fish',
  'busybox',
]);

const SYSTEM_FOLDERS = /^\/(?:usr\/(?:local\/)?)?(?:bin|sbin|lib|lib32|lib64|libexec)\//;
/** A person's own or everybody's folders: no service of the system lives there. */
const UNTRUSTED_FOLDERS = /^(?:\/(?:tmp|var\/tmp|dev|run\/user|home|root|proc)\/|\/memfd:|memfd:)/;

/** The name that a program's image has, without the mark of a file that was replaced while it ran. */
export function programName(image: string | undefined): string | undefined {
  if (image === undefined) return undefined;
  const path = livePath(image);
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name === '' ? undefined : name;
}

/** The kernel appends ` (deleted)` to the image of a program that was removed or upgraded. */
export function livePath(image: string): string {
  return image.endsWith(' (deleted)') ? image.slice(0, -' (deleted)'.length) : image;
}

/** Whether only root can normally have put a program there. Relative and `..` paths are not trusted. */
export function isSystemPath(path: string): boolean {
  return SYSTEM_FOLDERS.test(path) && !path.includes('/../');
}

/** Whether every user, or the user who runs it, can have put a program there. */
export function isUntrustedPath(path: string): boolean {
  return !path.startsWith('/') || UNTRUSTED_FOLDERS.test(path) || path.includes('/../');
}

/** Where every user can write and nothing stays. */
export function isTemporaryPath(path: string): boolean {
  return /^\/(?:tmp|var\/tmp|dev\/shm|run\/shm|dev\/mqueue)\//.test(path) && !path.includes('/../');
}

/**
 * By pid and by name; a name counts only in the system's own folders, so that malware called `sshd` in /tmp
 * hides behind nothing. Kernel threads (children of pid 2) have no image.
 */
export function isInfrastructure(process: ProcessFacts): boolean {
  if (process.pid <= 2) return true;
  if (process.image === undefined) return process.parentPid === 2;
  const path = livePath(process.image);
  return isSystemPath(path) && INFRASTRUCTURE_NAMES.has(programName(path) ?? '');
}

/** `parent` is absent when nobody knows it; the role is then decided by the process alone. */
export function systemRole(process: ProcessFacts, parent: ProcessFacts | undefined): SystemRole {
  if (isInfrastructure(process)) return 'infrastructure';
  const parentName = parent !== undefined && isSystemPath(parent.image ?? '') ? programName(parent.image) : undefined;
  if (isInteractiveShell(process) && parentName !== undefined && SESSION_PROVIDERS.has(parentName)) {
    return 'session-leader';
  }
  const startedByManager =
    process.parentPid === 1 || parent?.pid === 1 || (parentName !== undefined && SERVICE_MANAGERS.has(parentName));
  if (startedByManager && process.image !== undefined && !isUntrustedPath(livePath(process.image))) {
    return 'service-main';
  }
  return 'ordinary';
}

/** A shell without a script or command to run: what it does next is typed. */
export function isInteractiveShell(process: ProcessFacts): boolean {
  const name = programName(process.image);
  if (name === undefined || !SHELLS.has(name)) return false;
  const words = (process.commandLine ?? '').trim().split(/\s+/);
  return words.slice(1).every((word) => /^--?(?:i|l|li|il|login|norc|noprofile)$/.test(word));
}
