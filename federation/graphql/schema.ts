import { lexicographicSortSchema, printSchema, type GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';
import { guarded } from './roles.ts';
// Each of these adds its operations to the builder; what is not listed here is not offered.
import './queries/audit-log.ts';
import './queries/cluster-policies.ts';
import './queries/clusters.ts';
import './queries/in-force.ts';
import './queries/insights.ts';
import './queries/join-tokens.ts';
import './queries/node.ts';
import './queries/operations.ts';
import './queries/policies.ts';
import './queries/proxies.ts';
import './queries/rejections.ts';
import './queries/services.ts';
import './queries/simulate-failover.ts';
import './queries/trust-domains.ts';
import './queries/viewer.ts';
import './queries/workloads.ts';
import './mutations/clusters.ts';
import './mutations/failover.ts';
import './mutations/join-tokens.ts';
import './mutations/policies.ts';
import './mutations/services.ts';
import './subscriptions/changes.ts';
import './subscriptions/cluster-changed.ts';
import './subscriptions/operation-progress.ts';

/** The schema with its resolvers, every operation behind the role that it needs. */
export const apiSchema = (): GraphQLSchema => guarded(builder.toSchema());

/** As it is committed: sorted, so that a change of it reads as such. */
export const printedSchema = (): string => `${printSchema(lexicographicSortSchema(apiSchema()))}\n`;
