import type { InputFieldBuilder, ObjectFieldBuilder } from '@pothos/core';
import type { Command, UserError } from '../../command/command.ts';
import { warning, type Warning } from '../../command/warning.ts';
import type { ApiTypes } from '../builder.ts';
import type { RequestContext } from '../context.ts';
import { userErrorType, warningType } from '../types/common.ts';

/** Fields that every mutation's input has. */
export const commonInput = (t: InputFieldBuilder<ApiTypes, 'InputObject'>) => ({
  dryRun: t.boolean({
    required: true,
    defaultValue: false,
    description: 'Return the consequences without changing anything.',
  }),
  expectedRevision: t.int({
    description: 'Fails with STALE_REVISION if the object has another revision.',
  }),
  idempotencyKey: t.string({
    required: true,
    defaultValue: '',
    description: 'A repeat with the same key and input is not executed again and returns the first answer.',
  }),
  reason: t.string({ required: true, defaultValue: '', description: 'For the audit log.' }),
});

interface Common {
  readonly dryRun: boolean;
  readonly expectedRevision?: number | null | undefined;
  readonly idempotencyKey: string;
  readonly reason: string;
}

/** What every payload has beside its own fields, which are null when the mutation was refused. */
export interface CommonPayload {
  readonly userErrors: readonly UserError[];
  readonly warnings: readonly Warning[];
  readonly revision: number | undefined;
  readonly dryRun: boolean;
  readonly unchanged: boolean;
}

export const commonPayload = <T extends CommonPayload>(t: ObjectFieldBuilder<ApiTypes, T>) => ({
  userErrors: t.field({ type: [userErrorType], resolve: ({ userErrors }: T) => userErrors }),
  warnings: t.field({
    type: [warningType],
    description: 'Consequences of the change; a dry run returns them too.',
    resolve: ({ warnings }: T) => warnings,
  }),
  revision: t.int({
    nullable: true,
    description: 'Revision of the store that contains this change; null if the mutation was refused.',
    resolve: ({ revision }: T) => revision,
  }),
  dryRun: t.boolean({
    description: 'Nothing was changed: the input asked for a dry run.',
    resolve: ({ dryRun }: T) => dryRun,
  }),
  unchanged: t.boolean({
    description: 'True if the input equals the current state: no revision was created.',
    resolve: ({ unchanged }: T) => unchanged,
  }),
});

/**
 * Runs a command and gives its payload: `show` adds the mutation's own fields when it was not refused. Those of a dry
 * run must name nothing that does not exist.
 */
export async function carryOut<I, P, S extends object>(
  command: Command<I, P>,
  input: I,
  common: Common,
  context: RequestContext,
  show: (payload: P) => S,
): Promise<CommonPayload & Partial<S>> {
  const { dryRun, idempotencyKey, reason } = common;
  const options = { actor: context.viewer, dryRun, idempotencyKey, reason };
  const expectedRevision = common.expectedRevision ?? undefined;
  const outcome = await context.runner.run(command, input, { ...options, expectedRevision, asked: common });
  const refused: CommonPayload = {
    userErrors: [],
    warnings: [],
    revision: undefined,
    dryRun,
    unchanged: false,
  };
  // Partial of nothing: the compiler cannot see that of a type it does not know yet.
  if (!outcome.ok) return { ...({} as Partial<S>), ...refused, userErrors: outcome.errors };
  const { payload, warnings, revision, durable, unchanged } = outcome;
  const doubt =
    durable || dryRun ? [] : [warning('DURABILITY_UNKNOWN', '', 'this store is gone with its process')];
  return { ...show(payload), userErrors: [], warnings: [...warnings, ...doubt], revision, dryRun, unchanged };
}
