/** Errors as the API tells them: a status, and `{error: {message, type, param, code}}`. */
import { InputError } from '../util/errors';

interface Details {
  /** The field that is to blame. */
  param?: string;
  /** What programs tell errors apart by. */
  code?: string;
  headers?: Record<string, string>;
}

export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    readonly status: number,
    message: string,
    readonly details: Details = {},
  ) {
    super(message);
  }

  body() {
    const { param = null, code = null } = this.details;
    const type = this.status < 500 ? 'invalid_request_error' : 'server_error';
    return { error: { message: this.message, type, param, code } };
  }
}

/** A field that can't be used as it is. */
export const badField = (param: string, message: string, code = 'invalid_value') =>
  new ApiError(400, message, { param, code });

/** What a request failed with, as the API tells it. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof InputError) return new ApiError(400, error.message);
  const message = error instanceof Error ? error.message : String(error);
  // The same request would end the same way.
  return new ApiError(500, message, { headers: { 'x-should-retry': 'false' } });
}

/** Runs a check of the engine or of a text: its message, with the field that is to blame. */
export function blaming<T>(param: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof InputError) throw badField(param, error.message);
    throw error;
  }
}
