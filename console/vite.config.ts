import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * The console serves the result under a content security policy without inline scripts and without
 * `data:` sources, hence no preload polyfill and no inlined assets.
 */
export default defineConfig({
  root: here('./src/web'),
  plugins: [react()],
  // `npm run dev`-style work against a running console: the API and its live feed are passed on.
  server: {
    proxy: { '/api': { target: process.env['YAGURA_CONSOLE_URL'] ?? 'http://localhost:8080', ws: true } },
  },
  build: {
    outDir: here('./dist/web'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2024',
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|react-router|scheduler)[\\/]/ },
            { name: 'mantine', test: /node_modules[\\/](@mantine|@floating-ui)[\\/]/ },
          ],
        },
      },
    },
  },
});
