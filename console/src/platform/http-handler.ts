import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type { ROUTES, RouteName } from '../api/routes.ts';
import type { ActiveSession } from '../contexts/identity/api.ts';
import type { Failure } from './http-errors.ts';

type Contract<Name extends RouteName> = (typeof ROUTES)[Name];
type PathParameter<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParameter<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;
type Parsed<C, Key extends 'query' | 'body'> =
  C extends Record<Key, infer S extends z.ZodType> ? z.output<S> : undefined;

/** Identifiers of the path, checked to have the form of one. */
export type Params<Name extends RouteName> = Readonly<Record<PathParameter<Contract<Name>['path']>, string>>;

/** A request that passed every check which its contract names: session, role, origin and schemas. */
export interface ApiRequest<Name extends RouteName> {
  readonly session: Contract<Name>['role'] extends 'none' ? ActiveSession | undefined : ActiveSession;
  readonly params: Params<Name>;
  readonly query: Parsed<Contract<Name>, 'query'>;
  readonly body: Parsed<Contract<Name>, 'body'>;
  /** The body of an upload, unread; the bound on its size is already set. */
  readonly upload: Contract<Name> extends { upload: number } ? Readable : undefined;
  /** The secret of the session cookie that came along, good or not. */
  readonly cookieSecret: string | undefined;
}

type Value<Name extends RouteName> =
  Contract<Name> extends { response: infer S extends z.ZodType } ? z.output<S> : undefined;

export type ApiAnswer<Name extends RouteName> =
  | {
      readonly ok: true;
      readonly value: Value<Name>;
      /** Sets the session cookie to this secret, or removes it. */
      readonly cookie?: { readonly set: string } | 'clear';
    }
  | Failure;

export type Handler<Name extends RouteName> = (request: ApiRequest<Name>) => Promise<ApiAnswer<Name>>;

/** One handler for each operation of the interface: a forgotten one does not compile. */
export type Handlers = { readonly [Name in RouteName]: Handler<Name> };
