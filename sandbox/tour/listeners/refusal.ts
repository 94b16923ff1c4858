import { status } from '@grpc/grpc-js';

/** A gRPC error as its status and what it says. */
export function refusalOf(error: unknown): string {
  const { code, details } = error as { code: number; details: string };
  return `${status[code] ?? code}: ${details}`;
}
