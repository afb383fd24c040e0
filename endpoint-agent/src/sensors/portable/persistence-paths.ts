/**
 * Where programs arrange to be started again: the short list that is watched where whole filesystems cannot
 * be. What does not exist yet is noticed when it appears.
 */
export function persistencePaths(home: string): string[] {
  return [
    '/etc/crontab',
    '/etc/cron.d',
    '/etc/cron.daily',
    '/etc/cron.hourly',
    '/etc/init.d',
    '/etc/ld.so.preload',
    '/etc/passwd',
    '/etc/profile',
    '/etc/profile.d',
    '/etc/rc.local',
    '/etc/sudoers.d',
    '/etc/systemd/system',
    '/etc/udev/rules.d',
    '/etc/xdg/autostart',
    '/var/spool/cron',
    `${home}/.bash_profile`,
    `${home}/.bashrc`,
    `${home}/.config/autostart`,
    `${home}/.config/systemd/user`,
    `${home}/.profile`,
    `${home}/.ssh`,
    `${home}/.zshrc`,
  ];
}
