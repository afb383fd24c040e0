import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Express } from 'express';

/** Vite names assets by their content, so they never change; the page that names them is asked for anew. */
export function mountWeb(app: Express, directory: string): void {
  const page = join(directory, 'index.html');
  app.use(
    '/assets',
    express.static(join(directory, 'assets'), { immutable: true, maxAge: '365d', fallthrough: false, index: false }),
  );
  app.use(express.static(directory, { index: false, maxAge: 0, dotfiles: 'ignore' }));
  app.get(/^\/(?!api(\/|$)|assets\/)/, (_request, response) => {
    if (!existsSync(page)) {
      response.status(503).type('text/plain').send('web_not_built: run `npm run build`, then reload this page.\n');
      return;
    }
    response.set('Cache-Control', 'no-cache').sendFile(page);
  });
}
