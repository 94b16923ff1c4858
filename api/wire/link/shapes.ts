import type { MessageInitShape } from '@bufbuild/protobuf';
import { recordLimits } from '../../domain/limits.ts';
import { severities, type Condition } from '../../domain/condition.ts';
import type { EndpointGroup, ServicePort } from '../../domain/observation.ts';
import type { Rejection, RejectionCounts } from '../../domain/rejection.ts';
import type { Gateway } from '../../domain/report.ts';
import type {
  Condition as WireCondition,
  EndpointGroup as WireGroup,
  EndpointGroupSchema,
  Gateway as WireGateway,
  Rejection as WireRejection,
  RejectionCounts as WireCounts,
  ServicePort as WirePort,
} from '../../gen/isthmus/link_pb.js';
import { Transport } from '../../gen/isthmus/mesh_pb.js';
import type { Fields } from '../fields.ts';

/** Parts that several messages of the link hold. Each reader names its fields from `at`, e.g. `groups[2]`. */
const transports = {
  hbone: Transport.HBONE,
  'istio-mtls': Transport.ISTIO_MTLS,
  plaintext: Transport.PLAINTEXT,
};

export const writeGroup = (group: EndpointGroup): MessageInitShape<typeof EndpointGroupSchema> => ({
  ...group,
  transport: transports[group.transport],
});

export const readGroup = (at: string, group: WireGroup, fields: Fields): EndpointGroup => ({
  region: fields.tokenOrNone(`${at}.region`, group.region),
  zone: fields.tokenOrNone(`${at}.zone`, group.zone),
  transport: fields.name(`${at}.transport`, group.transport, transports),
  total: fields.count32(`${at}.total`, group.total),
  healthy: fields.upTo(`${at}.healthy`, group.healthy, group.total),
  ...(group.hboneOnly && { hboneOnly: true }),
});

const readPort = (at: string, port: WirePort, fields: Fields): ServicePort => ({
  name: port.name === '' ? '' : fields.label(`${at}.name`, port.name),
  port: fields.port(`${at}.port`, port.port),
  targetPort: fields.portOrZero(`${at}.target_port`, port.targetPort),
  appProtocol: fields.tokenOrNone(`${at}.app_protocol`, port.appProtocol),
});

export const readPorts = (ports: readonly WirePort[], fields: Fields): readonly ServicePort[] =>
  fields
    .list('ports', ports, recordLimits.portsOfService)
    .map((port, i) => readPort(`ports[${i}]`, port, fields));

/** Who may answer for a service: workloads of its own namespace, so no member can name those of another. */
export const readIdentities = (
  { namespace, subjectAltNames }: { readonly namespace: string; readonly subjectAltNames: readonly string[] },
  fields: Fields,
): readonly string[] =>
  fields
    .list('subject_alt_names', subjectAltNames, recordLimits.identitiesOfService)
    .map((name, i) => fields.identity(`subject_alt_names[${i}]`, name, namespace));

export const readCondition = (at: string, condition: WireCondition, fields: Fields): Condition => ({
  type: fields.token(`${at}.type`, condition.type),
  status: fields.word(`${at}.status`, condition.status, ['True', 'False']),
  reason: fields.token(`${at}.reason`, condition.reason),
  severity: fields.word(`${at}.severity`, condition.severity, severities),
  object: fields.sentence(condition.object),
  message: fields.sentence(condition.message),
  remedy: fields.sentence(condition.remedy),
});

export const readRejection = (at: string, rejection: WireRejection, fields: Fields): Rejection => ({
  code: fields.text(`${at}.code`, rejection.code),
  severity: fields.word(`${at}.severity`, rejection.severity, severities),
  object: fields.text(`${at}.object`, rejection.object),
  field: rejection.field,
  message: rejection.message,
  file: rejection.file,
  line: rejection.line,
});

export const writeCounts = ({ ERROR, WARNING, INFO }: RejectionCounts) => ({
  errors: ERROR,
  warnings: WARNING,
  infos: INFO,
});

export const readCounts = (counts: WireCounts | undefined): RejectionCounts => ({
  ERROR: counts?.errors ?? 0,
  WARNING: counts?.warnings ?? 0,
  INFO: counts?.infos ?? 0,
});

export const readGateway = (at: string, gateway: WireGateway, fields: Fields): Gateway => ({
  network: fields.token(`${at}network`, gateway.network),
  address: fields.address(`${at}address`, gateway.address),
  hbonePort: fields.portOrZero(`${at}hbone_port`, gateway.hbonePort),
  passthroughPort: fields.portOrZero(`${at}passthrough_port`, gateway.passthroughPort),
  spiffeId: fields.identity(`${at}spiffe_id`, gateway.spiffeId),
  region: fields.tokenOrNone(`${at}region`, gateway.region),
  zone: fields.tokenOrNone(`${at}zone`, gateway.zone),
  ready: gateway.ready,
});

/** Copies of records, as the wire's types are mutable arrays. */
export const copies = <T extends object>(records: readonly T[]): T[] =>
  records.map((record) => ({ ...record }));
