import { endpoints } from './en/endpoints.ts';
import { errors } from './en/errors.ts';
import { frame } from './en/frame.ts';
import { incidents } from './en/incidents.ts';
import { orders } from './en/orders.ts';
import { rules } from './en/rules.ts';
import { settings } from './en/settings.ts';
import { things } from './en/things.ts';
import type { Messages } from './messages.ts';

export const en: Messages = {
  ...frame,
  ...errors,
  ...orders,
  ...incidents,
  ...endpoints,
  ...settings,
  ...rules,
  ...things,
};
