import { ErrorBody } from '@yagura/protocol';
import { ROUTES, type RulePackRow } from '../../../api/index.ts';
import { ApiError } from '../../api-client.ts';

/** Sends a file of rules to the console as it is. Throws `ApiError`. */
export async function uploadRulePack(file: Blob): Promise<RulePackRow> {
  const { method, path, response: schema, upload } = ROUTES.uploadRulePack;
  if (file.size > upload) throw new ApiError('pack_invalid', 413, 'larger than any pack');
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      body: file,
      credentials: 'same-origin',
      headers: { 'content-type': 'application/octet-stream' },
    });
  } catch {
    throw new ApiError('network', 0, 'no answer');
  }
  const json: unknown = await response.json().catch(() => undefined);
  const failure = ErrorBody.safeParse(json);
  if (failure.success) throw new ApiError(failure.data.error.code, response.status, failure.data.error.message);
  const stored = schema.safeParse(json);
  if (response.ok && stored.success) return stored.data;
  throw new ApiError(
    response.ok ? 'response_invalid' : `http_${response.status}`,
    response.status,
    'unexpected answer',
  );
}
