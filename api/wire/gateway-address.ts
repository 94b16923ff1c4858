import type { MessageInitShape } from '@bufbuild/protobuf';
import type { GatewayAddress } from '@isthmus/mesh/records/gateway-address.ts';
import type { GatewayAddress as WireGateway, GatewayAddressSchema } from '../gen/upstream/workload_pb.js';
import type { Fields } from './fields.ts';
import { readIp, writeIp } from './ip.ts';

/** The port that HBONE is spoken on where nothing else is said. */
const defaultPort = 15_008;

export const writeGatewayAddress = (
  gateway: GatewayAddress,
): MessageInitShape<typeof GatewayAddressSchema> => ({
  destination:
    gateway.kind === 'address'
      ? { case: 'address', value: { network: gateway.network, address: writeIp(gateway.address) } }
      : { case: 'hostname', value: { namespace: gateway.namespace, hostname: gateway.hostname } },
  hboneMtlsPort: gateway.hbonePort,
});

export function readGatewayAddress(
  at: string,
  gateway: WireGateway | undefined,
  fields: Fields,
): GatewayAddress | undefined {
  if (gateway === undefined) return undefined;
  const { destination, hboneMtlsPort } = gateway;
  const hbonePort = hboneMtlsPort === 0 ? defaultPort : fields.port(`${at}.hbone_mtls_port`, hboneMtlsPort);
  switch (destination.case) {
    case 'address': {
      const { network, address } = destination.value;
      return { kind: 'address', network, address: readIp(`${at}.address`, address, fields), hbonePort };
    }
    case 'hostname': {
      const { namespace, hostname } = destination.value;
      return { kind: 'hostname', namespace, hostname: fields.text(`${at}.hostname`, hostname), hbonePort };
    }
    case undefined:
      fields.refuse(at, 'has neither an address nor a hostname');
      return undefined;
  }
}
