import { defineConfig } from 'vitest/config';

const kernel = ['**/*.kernel.test.ts'];
const system = ['test/e2e/**/*.test.ts', 'test/attack/**/*.test.ts', 'test/fault/**/*.test.ts'];
const everywhereExcluded = ['**/node_modules/**', '**/build/**', '**/dist/**', '.yagura/**'];

/**
 * Three projects: `unit` runs in parallel; `kernel` needs root and kernel interfaces of which a machine has
 * one (audit), so its files run one after another; `system` starts whole agents, consoles and browsers.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts', '**/*.test.tsx'],
          exclude: [...everywhereExcluded, ...kernel, ...system],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'kernel',
          // Kernel and scheduler are shared with the rest of the machine; a second failure is ours.
          retry: 2,
          include: kernel,
          exclude: [...everywhereExcluded, ...system],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'system',
          retry: 1,
          include: system,
          exclude: everywhereExcluded,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
