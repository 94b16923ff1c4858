import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { podKey, policyKey, serviceKeyOf } from '../keys/names.ts';
import type { Touched } from '../keys/touched.ts';

/** The key that an object touches when it comes, changes or goes; undefined for what nothing is derived from. */
export function ownKeyOf({ kind, metadata }: ClusterObject): Touched | undefined {
  const { namespace, name } = metadata;
  switch (kind) {
    case 'Pod':
      return { kind: 'pod', pod: podKey(metadata) };
    case 'Node':
      return { kind: 'node', node: name };
    case 'Namespace':
      return { kind: 'namespace', namespace: name };
    case 'Service':
      return { kind: 'service', service: serviceKeyOf(metadata) };
    case 'EndpointSlice':
      return { kind: 'slice', slice: `${namespace}/${name}` };
    case 'AuthorizationPolicy':
      return { kind: 'authorization', policy: policyKey(metadata) };
    case 'PeerAuthentication':
      return { kind: 'peers', namespace };
    case 'ServiceExport':
      return { kind: 'serviceExport', service: serviceKeyOf(metadata) };
    case 'WorkloadEntry':
      return { kind: 'workloadEntry', entry: `${namespace}/${name}` };
    case 'ServiceEntry':
      return { kind: 'serviceEntry', entry: `${namespace}/${name}` };
    case 'Gateway':
      return { kind: 'gatewayObject', gateway: `${namespace}/${name}` };
    case 'GatewayClass':
      return { kind: 'gatewayClass', name };
    case 'ServiceAccount':
      return undefined;
  }
}
