import type { JsonObject } from '@bufbuild/protobuf';
import type { DeltaRequest, DeltaResponse, SystemVersion } from '@isthmus/mesh/delta/messages.ts';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from '../gen/upstream/discovery_pb.js';
import { codec, decodeMessage, sortedRecord, type Codec } from './binary.ts';
import type { Fields } from './fields.ts';
import { responseBytes } from './response-bytes.ts';

/** Who a proxy says it is. Only its token proves anything. */
export interface DiscoveryNode {
  /** `<kind>~<ip>~<pod>.<namespace>~<namespace>.svc.cluster.local` */
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A request of the delta discovery protocol. A node is sent with the first request of a stream at least. */
export interface DiscoveryRequest {
  readonly node: DiscoveryNode | undefined;
  readonly request: DeltaRequest;
}

export const discoveryRequest: Codec<DiscoveryRequest> = codec(
  DeltaDiscoveryRequestSchema,
  ({ node, request }) => ({
    ...(node && { node: { id: node.id, cluster: node.cluster, metadata: node.metadata as JsonObject } }),
    typeUrl: request.type,
    resourceNamesSubscribe: [...request.subscribe],
    resourceNamesUnsubscribe: [...request.unsubscribe],
    initialResourceVersions: sortedRecord(request.initialVersions),
    responseNonce: request.nonce,
    ...(request.error !== '' && { errorDetail: { message: request.error } }),
  }),
  (message, fields): DiscoveryRequest => ({
    node: message.node && {
      id: message.node.id,
      cluster: message.node.cluster,
      metadata: message.node.metadata ?? {},
    },
    request: {
      type: fields.text('type_url', message.typeUrl),
      subscribe: message.resourceNamesSubscribe,
      unsubscribe: message.resourceNamesUnsubscribe,
      initialVersions: new Map(Object.entries(message.initialResourceVersions)),
      nonce: message.responseNonce,
      error: errorOf(message),
    },
  }),
);

const errorOf = ({ errorDetail }: DeltaDiscoveryRequest): string =>
  errorDetail === undefined ? '' : errorDetail.message || `status ${errorDetail.code}`;

/**
 * The protocol has no field for whether more is to come, which our proxies want to know before they are ready. It is
 * said at the end of the system version, which others only show.
 */
const more = '+more';

export const discoveryResponse: Codec<DeltaResponse> = {
  encode: (response) => {
    const { systemVersion, complete } = response;
    return responseBytes(`${systemVersion.epoch}.${systemVersion.revision}${complete ? '' : more}`, response);
  },
  decode: (bytes) => decodeMessage(DeltaDiscoveryResponseSchema, bytes, readResponse),
};

const readResponse = (message: DeltaDiscoveryResponse, fields: Fields): DeltaResponse => ({
  type: fields.text('type_url', message.typeUrl),
  nonce: fields.text('nonce', message.nonce),
  systemVersion: timeless,
  resources: message.resources.map(({ name, version, resource }, i) => ({
    name: fields.text(`resources[${i}].name`, name),
    version,
    body: resource?.value ?? new Uint8Array(),
  })),
  removed: message.removedResources,
  complete: !message.systemVersionInfo.endsWith(more),
});

/** One control plane speaks to a proxy, so nothing that it sends is older than what it sent before. */
const timeless: SystemVersion = { epoch: 0n, revision: 0n };
