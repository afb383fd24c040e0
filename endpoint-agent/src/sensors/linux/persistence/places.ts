/** By what a file in a place is started, or whom it lets in. Carried by each event as `PersistenceType`. */
export const PERSISTENCE_KINDS = [
  'cron',
  'systemd',
  'shell-profile',
  'ssh',
  'autostart',
  'udev',
  'pam',
  'linker',
  'kernel-module',
  'package-hook',
  'init',
  'sudo',
  'motd',
  'network-hook',
  'desktop-bus',
] as const;
export type PersistenceKind = (typeof PERSISTENCE_KINDS)[number];

/** One file, or one directory with everything in it down to `depth` levels. */
export interface PlacePattern {
  readonly kind: PersistenceKind;
  /** Absolute, or relative to a home directory. One component may be `*`. */
  readonly path: string;
  /** 0 for a single file. */
  readonly depth: number;
}

const files = (kind: PersistenceKind, ...paths: string[]): PlacePattern[] =>
  paths.map((path) => ({ kind, path, depth: 0 }));
const folders = (kind: PersistenceKind, depth: number, ...paths: string[]): PlacePattern[] =>
  paths.map((path) => ({ kind, path, depth }));

/**
 * Where programs of the whole machine arrange to be started: cron(8), systemd.unit(5), profile and rc files of
 * bash(1) and zsh(1), sshd(8), the XDG autostart specification, udev(7), pam.d(5), ld.so(8),
 * modules-load.d(5), apt.conf(5), sudoers(5), update-motd(5), interfaces(5), D-Bus activation.
 */
export const SYSTEM_PLACES: readonly PlacePattern[] = [
  ...files('cron', '/etc/crontab', '/etc/anacrontab'),
  ...folders('cron', 2, '/etc/cron.d', '/etc/cron.hourly', '/etc/cron.daily', '/etc/cron.weekly'),
  ...folders('cron', 2, '/etc/cron.monthly', '/var/spool/cron'),
  ...folders('systemd', 2, '/etc/systemd', '/usr/lib/systemd', '/lib/systemd', '/usr/local/lib/systemd').flatMap(
    (root) =>
      ['system', 'user', 'system-generators', 'user-generators', 'system-shutdown', 'system-sleep'].map((name) => ({
        ...root,
        path: `${root.path}/${name}`,
      })),
  ),
  ...files('systemd', '/etc/systemd/system.conf', '/etc/systemd/user.conf'),
  ...files('shell-profile', '/etc/profile', '/etc/bash.bashrc', '/etc/bashrc', '/etc/environment'),
  ...folders('shell-profile', 2, '/etc/profile.d', '/etc/zsh', '/etc/fish/conf.d', '/etc/skel', '/etc/X11/Xsession.d'),
  ...files('ssh', '/etc/ssh/sshd_config', '/etc/ssh/sshrc'),
  ...folders('ssh', 2, '/etc/ssh/sshd_config.d', '/etc/ssh/authorized_keys'),
  ...folders('autostart', 1, '/etc/xdg/autostart', '/etc/xdg/plasma-workspace/env'),
  ...folders('udev', 1, '/etc/udev/rules.d', '/usr/lib/udev/rules.d', '/lib/udev/rules.d'),
  ...files('pam', '/etc/pam.conf', '/etc/security/pam_env.conf'),
  ...folders('pam', 1, '/etc/pam.d', '/usr/lib/security', '/usr/lib64/security', '/usr/lib/*/security'),
  ...files('linker', '/etc/ld.so.preload', '/etc/ld.so.conf'),
  ...folders('linker', 1, '/etc/ld.so.conf.d'),
  ...files('kernel-module', '/etc/modules'),
  ...folders('kernel-module', 1, '/etc/modules-load.d', '/usr/lib/modules-load.d', '/etc/modprobe.d'),
  ...folders('kernel-module', 2, '/etc/initramfs-tools/hooks', '/etc/initramfs-tools/scripts', '/etc/kernel'),
  ...files('package-hook', '/etc/apt/apt.conf'),
  ...folders(
    'package-hook',
    1,
    '/etc/apt/apt.conf.d',
    '/etc/dpkg/dpkg.cfg.d',
    '/etc/dnf/plugins',
    '/etc/yum/pluginconf.d',
  ),
  ...files('init', '/etc/rc.local', '/etc/rc.d/rc.local', '/etc/inittab'),
  ...folders(
    'init',
    1,
    '/etc/init.d',
    '/etc/init',
    ...['0', '1', '2', '3', '4', '5', '6', 'S'].map((level) => `/etc/rc${level}.d`),
  ),
  ...files('sudo', '/etc/sudoers', '/etc/doas.conf'),
  ...folders('sudo', 1, '/etc/sudoers.d', '/etc/polkit-1/rules.d'),
  ...folders('motd', 1, '/etc/update-motd.d'),
  ...files('network-hook', '/etc/network/interfaces'),
  ...folders('network-hook', 1, '/etc/network/interfaces.d', '/etc/NetworkManager/dispatcher.d'),
  ...folders('network-hook', 2, '/etc/networkd-dispatcher', '/etc/dhcp'),
  ...folders(
    'network-hook',
    1,
    ...['if-up.d', 'if-pre-up.d', 'if-down.d', 'if-post-down.d'].map((d) => `/etc/network/${d}`),
  ),
  ...folders(
    'desktop-bus',
    1,
    '/usr/share/dbus-1/system-services',
    '/usr/share/dbus-1/services',
    '/etc/dbus-1/system.d',
  ),
];

/** The same below the home of each user. Of `.ssh` only what is no key to anything. */
export const HOME_PLACES: readonly PlacePattern[] = [
  ...files('shell-profile', '.bashrc', '.bash_profile', '.bash_login', '.bash_logout', '.bash_aliases', '.profile'),
  ...files('shell-profile', '.zshrc', '.zprofile', '.zshenv', '.zlogin', '.kshrc', '.config/fish/config.fish'),
  ...files('shell-profile', '.xinitrc', '.xprofile', '.xsession', '.xsessionrc', '.pam_environment'),
  ...folders('shell-profile', 1, '.config/fish/conf.d', '.config/environment.d'),
  ...files('ssh', '.ssh/authorized_keys', '.ssh/authorized_keys2', '.ssh/rc', '.ssh/environment', '.ssh/config'),
  ...folders('autostart', 1, '.config/autostart', '.config/autostart-scripts', '.config/plasma-workspace/env'),
  ...folders('systemd', 2, '.config/systemd/user', '.local/share/systemd/user'),
  ...folders('desktop-bus', 1, '.local/share/dbus-1/services'),
];

/**
 * Names that no reader of these places takes: what package managers and editors leave beside the real file.
 * cron(8), run-parts(8), sudoers(5), apt.conf(5) and systemd pass over them too.
 */
export const UNUSED_NAME =
  /(?:\.(?:dpkg-(?:new|tmp|old|dist|divert)|ucf-(?:new|old|dist)|rpm(?:new|save|orig)|sw[a-z])|~)$|^\.#|^#.*#$/;
