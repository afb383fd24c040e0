import {
  IconAlertTriangle,
  IconArchive,
  IconDeviceDesktop,
  IconHome,
  IconReceiptYen,
  IconSettings,
} from '@tabler/icons-react';

/** The pages of the console, in the order in which they are offered. */
export const PAGES = [
  { to: '/', name: 'home', icon: IconHome },
  { to: '/incidents', name: 'incidents', icon: IconAlertTriangle },
  { to: '/endpoints', name: 'endpoints', icon: IconDeviceDesktop },
  { to: '/quarantine', name: 'quarantine', icon: IconArchive },
  { to: '/subscriptions', name: 'subscriptions', icon: IconReceiptYen },
  { to: '/settings', name: 'settings', icon: IconSettings },
] as const;
