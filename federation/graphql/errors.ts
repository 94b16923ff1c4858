import { GraphQLError } from 'graphql';
import { CodedError, codeOf } from '@isthmus/mesh/process/coded-error.ts';
import type { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';

export const masked = 'the hub failed; its log says why';

/**
 * The error as the caller gets it: unchanged if it was made for the caller; with code and message if it is a coded error;
 * any other error becomes INTERNAL without details, which are logged.
 */
export function shownError(error: unknown, lines: LimitedLines): Error {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  if (error instanceof GraphQLError && cause === undefined) return error;
  if (cause instanceof GraphQLError) return error as Error;
  const path = error instanceof GraphQLError ? error.path?.join('.') : undefined;
  const coded = cause instanceof CodedError;
  const code = codeOf(cause) ?? 'INTERNAL';
  lines.error(
    code,
    { path, error: cause instanceof Error ? (coded ? cause.message : cause.stack) : String(cause) },
    'a request failed',
  );
  return new GraphQLError(coded ? cause.message : masked, {
    ...(error instanceof GraphQLError ? { nodes: error.nodes ?? null, path: error.path ?? null } : {}),
    extensions: { code },
  });
}
