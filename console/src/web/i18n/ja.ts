import { endpoints } from './ja/endpoints.ts';
import { errors } from './ja/errors.ts';
import { frame } from './ja/frame.ts';
import { incidents } from './ja/incidents.ts';
import { orders } from './ja/orders.ts';
import { rules } from './ja/rules.ts';
import { settings } from './ja/settings.ts';
import { things } from './ja/things.ts';

/** All that the screens say in Japanese. The shape of every other language follows from it. */
export const ja = { ...frame, ...errors, ...orders, ...incidents, ...endpoints, ...settings, ...rules, ...things };
