import { ErrorBody, Id } from '@yagura/protocol';
import { z } from 'zod';
import { ROUTES, type RouteContract } from '../../api/routes.ts';

/** The HTTP interface as OpenAPI 3.1, made from the schemas that the server checks by. */
export function createOpenApi(version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [operationId, contract] of Object.entries<RouteContract>(ROUTES)) {
    const path = contract.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [contract.method.toLowerCase()]: operation(operationId, contract) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Yagura Console', version },
    paths,
    components: {
      schemas: { Error: jsonSchema(ErrorBody, 'output') },
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: '__Host-yagura' } },
    },
  };
}

function operation(operationId: string, contract: RouteContract): Record<string, unknown> {
  return {
    operationId,
    summary: contract.summary,
    'x-role': contract.role,
    security: contract.role === 'none' ? [] : [{ session: [] }],
    parameters: [...pathParameters(contract.path), ...queryParameters(contract.query)],
    ...(contract.body ? { requestBody: { required: true, content: json(jsonSchema(contract.body, 'input')) } } : {}),
    ...(contract.upload ? { requestBody: { required: true, content: { 'application/octet-stream': {} } } } : {}),
    responses: {
      ...(contract.response
        ? { 200: { description: 'Done', content: json(jsonSchema(contract.response, 'output')) } }
        : { 204: { description: 'Done' } }),
      default: { description: 'Error', content: json({ $ref: '#/components/schemas/Error' }) },
    },
  };
}

const json = (schema: unknown) => ({ 'application/json': { schema } });

function pathParameters(path: string): unknown[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: jsonSchema(Id, 'input'),
  }));
}

function queryParameters(query: z.ZodType | undefined): unknown[] {
  if (!query) return [];
  const schema = jsonSchema(query, 'input');
  const properties = (schema['properties'] ?? {}) as Record<string, unknown>;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: property,
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
