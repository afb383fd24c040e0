import { ErrorBody } from '@yagura/protocol';
import type { z } from 'zod';
import { ROUTES, type RouteContract, type RouteName } from '../api/index.ts';

type Contract<N extends RouteName> = (typeof ROUTES)[N];
type PathParameter<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParameter<`/${Rest}`>
  : P extends `${string}:${infer Name}`
    ? Name
    : never;
type When<Condition, Shape> = [Condition] extends [never] ? unknown : Shape;
type SchemaInput<C, K extends 'query' | 'body'> = C extends Record<K, infer S extends z.ZodType> ? z.input<S> : never;

/** What a call must carry: exactly the path parameters, query and body that its route declares. */
export type CallInput<N extends RouteName> = When<
  PathParameter<Contract<N>['path']>,
  { params: Record<PathParameter<Contract<N>['path']>, string> }
> &
  When<SchemaInput<Contract<N>, 'query'>, { query?: SchemaInput<Contract<N>, 'query'> }> &
  When<SchemaInput<Contract<N>, 'body'>, { body: SchemaInput<Contract<N>, 'body'> }>;

export type CallResult<N extends RouteName> =
  Contract<N> extends { response: infer S extends z.ZodType } ? z.output<S> : undefined;

/** A call that did not succeed. `code` is the server's stable word or one of the client's own. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
  }
}

/** Reports that the session has ended, whichever call found out. */
export const sessionEnded = new EventTarget();

function fillPath(path: string, params: Readonly<Record<string, string>>): string {
  return path.replaceAll(/:([A-Za-z]+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
}

type QueryValue = string | number | boolean | undefined;

function queryString(query: Readonly<Record<string, QueryValue>> | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

async function failureOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  try {
    const body = ErrorBody.safeParse(JSON.parse(text));
    if (body.success) return new ApiError(body.data.error.code, response.status, body.data.error.message);
  } catch {
    // A proxy's own error page is no JSON; the status has to speak.
  }
  return new ApiError(`http_${response.status}`, response.status, response.statusText);
}

interface LooseInput {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
}

/**
 * Calls one operation of the console's HTTP interface and parses its answer.
 * Throws `ApiError`: the server's code, `network` when nothing answered, `response_invalid` when the answer
 * is not what its schema says.
 */
export async function callApi<N extends RouteName>(
  name: N,
  input: CallInput<N>,
  signal?: AbortSignal,
): Promise<CallResult<N>> {
  const route: RouteContract = ROUTES[name];
  const { params, query, body } = input as LooseInput;
  const request: RequestInit = { method: route.method, credentials: 'same-origin', cache: 'no-store' };
  if (signal !== undefined) request.signal = signal;
  if (route.body !== undefined) {
    request.body = JSON.stringify(body);
    request.headers = { 'content-type': 'application/json' };
  }
  let response: Response;
  try {
    response = await fetch(fillPath(route.path, params ?? {}) + queryString(query), request);
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError('network', 0, 'no answer');
  }
  if (!response.ok) {
    const failure = await failureOf(response);
    if (failure.status === 401 && route.role !== 'none') sessionEnded.dispatchEvent(new Event('ended'));
    throw failure;
  }
  if (route.response === undefined) return undefined as CallResult<N>;
  const parsed = route.response.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) throw new ApiError('response_invalid', response.status, parsed.error.message.slice(0, 2_000));
  return parsed.data as CallResult<N>;
}
