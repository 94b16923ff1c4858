import type { CodedError } from '../process/coded-error.ts';
import { MeshError } from '../process/mesh-error.ts';

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or name another port',
  EADDRNOTAVAIL: 'this machine has no such address: name one of its own',
  EACCES: 'this user may not listen there: name a port from 1024 up',
  ENOTFOUND: 'no such host is known: name an address of this machine',
};

/** A refusal to listen as a sentence with its remedy; `flag` names where another place is given. LISTEN_FAILED. */
export function listenError(address: string, flag: string, cause: unknown): CodedError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const known = Object.entries(remedies).find(([code]) => message.includes(code));
  const why = known ? `${known[0]}: ${known[1]}` : message;
  return new MeshError('LISTEN_FAILED', `cannot listen on ${address}: ${why} (${flag})`, { cause });
}
