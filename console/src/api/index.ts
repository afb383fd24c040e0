export * from './fleet.ts';
export * from './incidents.ts';
export * from './inventory.ts';
export * from './live.ts';
export * from './routes.ts';
export * from './rule-packs.ts';
export * from './rules.ts';
export * from './session.ts';
