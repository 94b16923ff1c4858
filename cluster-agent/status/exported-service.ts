import type { ExportGrant } from '@isthmus/api/domain/directive.ts';
import type { Wanted } from '@isthmus/api/kubernetes/wanted-condition.ts';
import type { ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { serviceKeyOf, type Ref, type ServiceKey } from '../keys/names.ts';
import { exportersOf, type ExportersWorld } from '../translate/exporters.ts';
import type { Exporter } from '../translate/merged-export.ts';
import { exportConflicts, type ExportConflict } from './export-conflicts.ts';

/** A service of this cluster that is to be reached from others, as far as this cluster knows. */
export interface ExportState {
  readonly ref: Ref;
  /** Undefined: there is no Service of that name. */
  readonly service: ServiceObject | undefined;
  /** By the label of Istio, or by a ServiceExport. */
  readonly isRequested: boolean;
  /** What the hub permits; undefined: nothing. */
  readonly grant: ExportGrant | undefined;
  /** Exports of this name, with this cluster's own, by age. */
  readonly exporters: readonly Exporter[];
}

export function exportState(ref: Ref, world: ExportersWorld): ExportState {
  const { view, hub } = world;
  const key: ServiceKey = serviceKeyOf(ref);
  const service = view.service(key);
  return {
    ref,
    service,
    isRequested: service?.metadata.labels['istio.io/global'] === 'true' || view.exportOf(key) !== undefined,
    grant: hub.grantOf(key),
    exporters: exportersOf(key, world),
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
  const conflicts = conflictsOf(state);
  return conflicts.length === 0 ? 'accepted' : `accepted: ${conflictMessage(conflicts, state)}`;
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
  const conflicts = conflictsOf(state);
  return conflicts.length === 0
    ? { status: 'False', reason: 'NoConflicts', message: 'no other cluster exports it in another form' }
    : {
        status: 'True',
        reason: conflicts.map(({ reason }) => reason).join(','),
        message: conflictMessage(conflicts, state),
      };
}

/** In what this cluster's export differs from those of others. */
const conflictsOf = ({ grant, service, exporters }: ExportState): readonly ExportConflict[] =>
  grant && service ? exportConflicts(exporters) : [];

/** The field under contention, which cluster won and why (KEP-1645, `ServiceExportConflict`). */
const conflictMessage = (conflicts: readonly ExportConflict[], { exporters }: ExportState): string =>
  `${conflicts.map(({ message }) => message).join('; ')}. The export of ${exporters[0]?.cluster ?? 'none'} counts, as it is the oldest, beside ports that only other clusters have; proxies use the ports of their own cluster's Service where there is one. Give the service the same form in every cluster`;
