import type { ExportGrant, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ServicePort } from '@isthmus/api/domain/observation.ts';
import { list } from '../health/conditions.ts';
import { serviceKeyOf, type Ref, type ServiceKey } from '../keys/names.ts';
import type { HubQueries } from '../translate/world.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { Wanted } from './condition-list.ts';

/** A service of this cluster that is to be reached from others, as far as this cluster knows. */
export interface ExportState {
  readonly ref: Ref;
  /** Undefined: there is no Service of that name. */
  readonly service: ServiceObject | undefined;
  /** By the label of Istio, or by a ServiceExport. */
  readonly isRequested: boolean;
  /** What the hub permits; undefined: nothing. */
  readonly grant: ExportGrant | undefined;
  /** Clusters that export a service of this name, too. */
  readonly remotes: readonly Pick<RemoteService, 'cluster' | 'ports'>[];
}

/** What a service's export rests on. */
export interface ExportWorld {
  readonly view: Pick<ClusterView, 'service' | 'isExportRequested'>;
  readonly hub: Pick<HubQueries, 'grantOf' | 'remotesOf'>;
}

export function exportState(ref: Ref, { view, hub }: ExportWorld): ExportState {
  const key: ServiceKey = serviceKeyOf(ref);
  const service = view.service(key);
  return {
    ref,
    service,
    isRequested: service?.metadata.labels['istio.io/global'] === 'true' || view.isExportRequested(key),
    grant: hub.grantOf(key),
    remotes: hub.remotesOf(key),
  };
}

/** On a Service: whether its export is in force. */
export const exportAnnotation = 'isthmus.io/export-status';

/** The value of the annotation; undefined: nobody asks for an export, so there is none. */
export function exportNote(state: ExportState): string | undefined {
  const { grant, isRequested } = state;
  if (!grant && !isRequested) return undefined;
  const failure = failureOf(state);
  if (failure) return `not applied: ${failure.message}`;
  const conflict = conflictOf(state);
  return conflict === undefined ? 'accepted' : `accepted: ${conflict}`;
}

/** Why an export is not in force. Reasons are those of a ServiceExport's condition Valid. */
function failureOf({ ref, service, grant }: ExportState): Failure | undefined {
  if (!service)
    return { reason: 'NoService', message: `there is no Service ${ref.namespace}/${ref.name}: create it` };
  if (service.type === 'ExternalName')
    return {
      reason: 'InvalidServiceType',
      message: 'an ExternalName has no endpoints that other clusters could reach: export what it names',
    };
  if (grant) return undefined;
  return {
    reason: undefined,
    message: `the hub has not permitted it: isthmus services ${ref.namespace}/${ref.name} says why, such as that exports by label are off or that it waits for an approval`,
  };
}

interface Failure {
  /** Undefined: the service could be exported. */
  readonly reason: 'NoService' | 'InvalidServiceType' | undefined;
  readonly message: string;
}

/** The three conditions of a ServiceExport (KEP-1645). */
export const exportConditions = (state: ExportState): readonly Wanted[] => [
  { type: 'Valid', ...valid(state) },
  { type: 'Ready', ...ready(state) },
  { type: 'Conflict', ...conflict(state) },
];

type Said = Omit<Wanted, 'type'>;

function valid(state: ExportState): Said {
  const failure = failureOf(state);
  return failure?.reason === undefined
    ? { status: 'True', reason: 'Valid', message: 'the Service can be exported' }
    : { status: 'False', reason: failure.reason, message: failure.message };
}

function ready(state: ExportState): Said {
  const failure = failureOf(state);
  if (!failure) return { status: 'True', reason: 'Exported', message: 'the hub has permitted the export' };
  const reason = failure.reason === undefined ? 'Pending' : 'Failed';
  return { status: 'False', reason, message: failure.message };
}

function conflict(state: ExportState): Said {
  const message = state.grant && state.service ? conflictOf(state) : undefined;
  return message === undefined
    ? { status: 'False', reason: 'NoConflicts', message: 'no other cluster exports it with other ports' }
    : { status: 'True', reason: 'PortConflict', message };
}

/** Ports that others export in another form. Undefined: there are none. */
function conflictOf({ service, remotes }: ExportState): string | undefined {
  if (!service || service.type === 'ExternalName') return undefined;
  const own = service.ports.map(textOf).sort().join(', ');
  const others = remotes
    .map(({ cluster, ports }) => ({ cluster, text: ports.map(textOf).sort().join(', ') }))
    .filter(({ text }) => text !== own);
  if (others.length === 0) return undefined;
  const shown = list(others.map(({ cluster, text }) => `${cluster} has ${text}`));
  return `this cluster exports ports ${own}, and ${shown}; callers take the ports of their own cluster's Service, or of the first exporting cluster by name where there is none: give it the same ports everywhere`;
}

const textOf = ({ name, port, appProtocol }: Pick<ServicePort, 'name' | 'port' | 'appProtocol'>): string =>
  `${name === '' ? '' : `${name} `}${port}${appProtocol === '' ? '' : ` (${appProtocol})`}`;
