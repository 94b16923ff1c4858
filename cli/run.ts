import type { Command } from 'commander';
import { findEndpoint, type Endpoint, type EndpointOptions } from './endpoint.ts';

export interface GlobalOptions extends EndpointOptions {
  readonly output: string;
}

/** What a command has in hand: where the hub is, and how answers are to be shown. */
export interface Invocation {
  readonly endpoint: Endpoint;
  readonly output: string;
}

export function invocation(command: Command): Invocation {
  const options = command.optsWithGlobals<GlobalOptions>();
  return { endpoint: findEndpoint(options, process.env), output: options.output };
}

/** Flags that every mutation has. */
export interface MutationOptions {
  readonly dryRun?: boolean;
  readonly reason?: string;
  readonly expectedRevision?: string;
  readonly idempotencyKey?: string;
  readonly yes?: boolean;
}

export const withMutationFlags = (command: Command): Command =>
  command
    .option('--dry-run', 'say what would happen and change nothing')
    .option('--reason <text>', 'kept in the audit log')
    .option('--expected-revision <n>', 'refuse when the object has changed since')
    .option('--idempotency-key <key>', 'a repeat with the same key changes nothing');

/** The fields of a mutation's input that come from those flags. */
export const commonInput = ({
  dryRun,
  reason,
  expectedRevision,
  idempotencyKey,
}: MutationOptions): object => ({
  dryRun: dryRun ?? false,
  reason: reason ?? '',
  idempotencyKey: idempotencyKey ?? '',
  ...(expectedRevision === undefined ? {} : { expectedRevision: Number(expectedRevision) }),
});

/** `namespace/name`; a bare name is in the namespace `default`. */
export function serviceRef(text: string): { namespace: string; name: string } {
  const [first = '', second] = text.split('/');
  return second === undefined ? { namespace: 'default', name: first } : { namespace: first, name: second };
}
