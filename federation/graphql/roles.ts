import {
  defaultFieldResolver,
  type GraphQLFieldConfig,
  type GraphQLObjectType,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext, Role } from './context.ts';
import { apiError } from './pages.ts';

/** For the options of an operation: who may ask for it. What names no role is denied to everybody. */
export const needs = (role: Role): { readonly extensions: { readonly role: Role } } => ({
  extensions: { role },
});

/** Puts the check in front of every operation of a schema. */
export function guarded(schema: GraphQLSchema): GraphQLSchema {
  for (const type of [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
    if (type) guardType(type);
  return schema;
}

function guardType(type: GraphQLObjectType): void {
  for (const field of Object.values(type.getFields())) {
    const { resolve = defaultFieldResolver, subscribe } = field;
    const check = (context: RequestContext, input: unknown) =>
      allow(context, field.extensions['role'], field.name, input);
    if (subscribe) field.subscribe = behind(subscribe, check);
    else field.resolve = behind(resolve, check);
  }
}

type Resolve = NonNullable<GraphQLFieldConfig<unknown, RequestContext>['resolve']>;

const behind =
  (resolve: Resolve, check: (context: RequestContext, input: unknown) => void): Resolve =>
  (root, args, context, info) => {
    const given = args as { readonly input?: unknown };
    check(context, given.input ?? given);
    return resolve(root, args, context, info);
  };

/** Who is denied is in the audit log. */
function allow(
  { roles, viewer, runner }: RequestContext,
  role: unknown,
  operation: string,
  input: unknown,
): void {
  if (roles.some((one) => one === role)) return;
  const needed = typeof role === 'string' ? `it needs the role ${role}` : 'no role is allowed to do it';
  const message = `${viewer} may not ask for ${operation}: ${needed}`;
  const error = { code: 'DENIED', field: [], message } as const;
  runner.attempts.deny({ actor: viewer, action: operation, error, input });
  throw apiError(error.code, message);
}
