import type { MessageInitShape } from '@bufbuild/protobuf';
import { maxAffinitySeconds, type GlobalProperties, type OtherPort } from '../../domain/global-properties.ts';
import { recordLimits } from '../../domain/limits.ts';
import type {
  GlobalProperties as WireProperties,
  GlobalPropertiesSchema,
  OtherPort as WirePort,
} from '../../gen/isthmus/link_pb.js';
import type { Fields } from '../fields.ts';
import { copies } from './shapes.ts';

/** Nothing of them that Kubernetes has as its default is on the wire. */
export const writeProperties = (
  properties: GlobalProperties,
): MessageInitShape<typeof GlobalPropertiesSchema> => ({
  exportedAt: BigInt(properties.exportedAt),
  headless: properties.headless,
  otherPorts: copies(properties.otherPorts),
  affinitySeconds: properties.affinitySeconds,
  nodeLocal: properties.internalTrafficPolicy === 'Local',
  trafficDistribution: properties.trafficDistribution,
});

export const readProperties = (wire: WireProperties, fields: Fields): GlobalProperties => ({
  exportedAt: fields.count('properties.exported_at', wire.exportedAt),
  headless: wire.headless,
  otherPorts: fields
    .list('properties.other_ports', wire.otherPorts, recordLimits.portsOfService)
    .map((port, i) => readPort(`properties.other_ports[${i}]`, port, fields)),
  affinitySeconds: fields.upTo('properties.affinity_seconds', wire.affinitySeconds, maxAffinitySeconds),
  internalTrafficPolicy: wire.nodeLocal ? 'Local' : 'Cluster',
  trafficDistribution: fields.tokenOrNone('properties.traffic_distribution', wire.trafficDistribution),
});

const readPort = (at: string, port: WirePort, fields: Fields): OtherPort => ({
  name: port.name === '' ? '' : fields.label(`${at}.name`, port.name),
  port: fields.port(`${at}.port`, port.port),
  protocol: fields.word(`${at}.protocol`, port.protocol, ['UDP', 'SCTP']),
  appProtocol: fields.tokenOrNone(`${at}.app_protocol`, port.appProtocol),
});
