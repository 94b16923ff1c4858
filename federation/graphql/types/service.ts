import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';
import type { EndpointGroup, ServicePort } from '@isthmus/api/domain/observation.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import { exportConflict } from '../../policy/conflict.ts';
import { approvalConditions } from '../../policy/export-approval.ts';
import { exportPortConditions } from '../../policy/export-ports.ts';
import { Exporters } from '../../policy/exporters.ts';
import type { ObservedService } from '../../observation/cluster-record.ts';
import type { Now } from '../../state/now.ts';
import { builder, elements } from '../builder.ts';
import { globalId } from '../global-id.ts';
import { conditionType, stalenessOf, stalenessType } from './common.ts';
import { connectionOf } from './connection.ts';
import { nodeType } from './node.ts';

function inCluster(snapshot: Now, cluster: string, service: ObservedService, exporters: Exporters) {
  const key = formatServiceKey(service);
  const sum = (of: (group: EndpointGroup) => number) =>
    service.groups.reduce((all, group) => all + of(group), 0);
  return {
    cluster,
    groups: service.groups,
    conditions: [
      ...service.conditions,
      ...approvalConditions(snapshot, cluster, service),
      ...exportConflict(snapshot, cluster, key, exporters),
      ...exportPortConditions(cluster, key, exporters),
    ],
    exported: exporters.has(cluster),
    healthy: sum(({ healthy }) => healthy),
    total: sum(({ total }) => total),
    staleness: stalenessOf(snapshot.observed.get(cluster)),
  };
}

/**
 * A service over all clusters that have it, in the order of their names; undefined when none has. What it is in each of
 * them is made when it is asked for.
 */
export function serviceView(snapshot: Now, key: ServiceKey) {
  const holders = [...snapshot.index.exports.holders(key)].sort(([a], [b]) => (a < b ? -1 : 1));
  const [first] = holders;
  if (!first) return undefined;
  const traffic = snapshot.intent.trafficPolicies.get(key);
  const { namespace, name, hostname, ports } = first[1];
  return {
    __typename: 'Service',
    id: globalId('Service', key),
    namespace,
    name,
    hostname,
    ports,
    clusters() {
      const exporters = Exporters.of(snapshot, key);
      return holders.map(([cluster, service]) => inCluster(snapshot, cluster, service, exporters));
    },
    revision: snapshot.intent.serviceExports.get(key)?.revision ?? 0,
    trafficPolicy: traffic && { ...traffic.value, revision: traffic.revision },
  };
}

export type ServiceView = NonNullable<ReturnType<typeof serviceView>>;

const transportType = builder.enumType('Transport', {
  description: 'How an endpoint is reached.',
  values: {
    HBONE: { value: 'hbone' },
    ISTIO_MTLS: { value: 'istio-mtls' },
    PLAINTEXT: { value: 'plaintext' },
  } as const,
});

const endpointGroupType = builder.objectRef<EndpointGroup>('EndpointGroup').implement({
  description: 'Endpoints of one locality that are reached by the same transport.',
  fields: (t) => ({
    region: t.exposeString('region'),
    zone: t.exposeString('zone'),
    transport: t.expose('transport', { type: transportType }),
    total: t.exposeInt('total'),
    healthy: t.exposeInt('healthy'),
  }),
});

const servicePortType = builder.objectRef<ServicePort>('ServicePort').implement({
  fields: (t) => ({
    name: t.exposeString('name'),
    port: t.exposeInt('port'),
    targetPort: t.exposeInt('targetPort', { description: '0: a named one.' }),
  }),
});

const serviceInClusterType = builder
  .objectRef<ReturnType<ServiceView['clusters']>[number]>('ServiceInCluster')
  .implement({
    description: 'A service in one of the clusters that have it.',
    fields: (t) => ({
      cluster: t.exposeString('cluster'),
      exported: t.exposeBoolean('exported'),
      healthy: t.exposeInt('healthy'),
      total: t.exposeInt('total'),
      groups: t.expose('groups', { type: [endpointGroupType], nullable: elements }),
      conditions: t.expose('conditions', { type: [conditionType], nullable: elements }),
      staleness: t.expose('staleness', { type: stalenessType }),
    }),
  });

export const localityScopeType = builder.enumType('LocalityScope', {
  values: ['REGION', 'ZONE', 'CLUSTER'] as const,
});

const regionFailoverType = builder
  .objectRef<TrafficPolicy['regionFailover'][number]>('RegionFailover')
  .implement({ fields: (t) => ({ from: t.exposeString('from'), to: t.exposeString('to') }) });

const trafficPolicyType = builder
  .objectRef<TrafficPolicy & { readonly revision: number }>('TrafficPolicy')
  .implement({
    fields: (t) => ({
      localityOrder: t.expose('localityOrder', { type: [localityScopeType] }),
      regionFailover: t.expose('regionFailover', { type: [regionFailoverType], nullable: elements }),
      revision: t.exposeInt('revision', { description: 'For expectedRevision.' }),
    }),
  });

export const serviceType = builder.objectRef<ServiceView>('Service').implement({
  interfaces: [nodeType],
  fields: (t) => ({
    namespace: t.exposeString('namespace'),
    name: t.exposeString('name'),
    hostname: t.exposeString('hostname'),
    ports: t.expose('ports', { type: [servicePortType], nullable: elements }),
    clusters: t.field({
      type: [serviceInClusterType],
      nullable: elements,
      resolve: (service) => service.clusters(),
    }),
    revision: t.exposeInt('revision', {
      description:
        'Of its export by an operator, for expectedRevision of exportService and unexportService; 0: there is none.',
    }),
    trafficPolicy: t.expose('trafficPolicy', { type: trafficPolicyType, nullable: true }),
  }),
});

export const serviceConnection = connectionOf('Service', serviceType);
