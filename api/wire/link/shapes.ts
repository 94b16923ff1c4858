import type { MessageInitShape } from '@bufbuild/protobuf';
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
  region: group.region,
  zone: group.zone,
  transport: fields.name(`${at}.transport`, group.transport, transports),
  total: group.total,
  healthy: fields.upTo(`${at}.healthy`, group.healthy, group.total),
  ...(group.hboneOnly && { hboneOnly: true }),
});

export const readPort = (at: string, port: WirePort, fields: Fields): ServicePort => ({
  name: port.name,
  port: fields.port(`${at}.port`, port.port),
  targetPort: fields.portOrZero(`${at}.target_port`, port.targetPort),
  appProtocol: port.appProtocol,
});

export const readCondition = (at: string, condition: WireCondition, fields: Fields): Condition => ({
  type: fields.text(`${at}.type`, condition.type),
  status: fields.word(`${at}.status`, condition.status, ['True', 'False']),
  reason: condition.reason,
  severity: fields.word(`${at}.severity`, condition.severity, severities),
  object: condition.object,
  message: condition.message,
  remedy: condition.remedy,
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
  network: fields.text(`${at}network`, gateway.network),
  address: fields.text(`${at}address`, gateway.address),
  hbonePort: fields.portOrZero(`${at}hbone_port`, gateway.hbonePort),
  passthroughPort: fields.portOrZero(`${at}passthrough_port`, gateway.passthroughPort),
  spiffeId: fields.text(`${at}spiffe_id`, gateway.spiffeId),
  region: gateway.region,
  zone: gateway.zone,
  ready: gateway.ready,
});

/** Copies of records, as the wire's types are mutable arrays. */
export const copies = <T extends object>(records: readonly T[]): T[] =>
  records.map((record) => ({ ...record }));
