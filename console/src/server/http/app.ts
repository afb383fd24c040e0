import express, { type ErrorRequestHandler, type Express } from 'express';
import { type Failure, fail } from '../../platform/http-errors.ts';
import type { Log } from '../../platform/log.ts';
import { StoreError } from '../../store/errors.ts';
import { type MountOptions, mountRoutes, sendFailure } from './mount-routes.ts';
import { createOpenApi } from './open-api.ts';
import { securityHeaders } from './security-headers.ts';
import { mountWeb } from './static-web.ts';

export interface AppOptions extends MountOptions {
  readonly log: Log;
  readonly secure: boolean;
  readonly trustedProxies: readonly string[];
  readonly webDirectory: string;
  readonly consoleVersion: string;
}

/** The web's whole HTTP side. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', [...options.trustedProxies]);
  app.use(securityHeaders(options.secure));
  app.use('/api', (_request, response, next) => {
    response.set('Cache-Control', 'no-store');
    next();
  });
  const openApi = JSON.stringify(createOpenApi(options.consoleVersion));
  app.get('/api/openapi.json', (_request, response) => {
    response.type('application/json').send(openApi);
  });
  mountRoutes(app, options);
  app.use('/api', (_request, response) => {
    sendFailure(response, fail('not_found'));
  });
  mountWeb(app, options.webDirectory);
  app.use((_request, response) => {
    sendFailure(response, fail('not_found'));
  });
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    const failure = toFailure(error);
    if (failure.status >= 500)
      options.log.error({ err: error, method: request.method, url: request.path }, 'request failed');
    // Half of an answer is out: ending the connection is the only honest sign left.
    if (response.headersSent) next(error);
    else sendFailure(response, failure);
  };
  app.use(onError);
  return app;
}

/** What a thrown error is to the caller; never its text, which may say more than the caller should know. */
function toFailure(error: unknown): Failure {
  if (error instanceof StoreError) return fail(error.code);
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 413) return fail('body_too_large');
  if (status === 404) return fail('not_found');
  if (typeof status === 'number' && status >= 400 && status < 500) return fail('bad_request');
  return fail('internal');
}
