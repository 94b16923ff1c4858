import type { MessageInitShape } from '@bufbuild/protobuf';
import { digestBytes, readDigest, writeDigest } from '@isthmus/mesh/delta/digest.ts';
import type { DeltaRequest, DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import {
  SyncMessageSchema,
  type DeltaRequest as WireRequest,
  type DeltaRequestSchema,
  type DeltaResponse as WireResponse,
  type DeltaResponseSchema,
} from '../../gen/isthmus/link_pb.js';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';

/** Both directions of one stream: each side is producer of its own types and consumer of the other's. */
export type SyncMessage =
  | { readonly kind: 'request'; readonly request: DeltaRequest }
  | { readonly kind: 'response'; readonly response: DeltaResponse };

/** Resource types that an agent produces. */
export const upTypes = ['cluster', 'service', 'gateway', 'applied'] as const;

/** A resource type that an agent sends. */
export type UpType = (typeof upTypes)[number];

/** Resource types that the hub produces, in the order in which they are sent. */
export const downTypes = [
  ...(['hub-address', 'trust-bundle', 'intermediate', 'activation', 'policy'] as const),
  ...(['traffic', 'diversion', 'member', 'grant', 'remote'] as const),
] as const;

/** A resource type that the hub sends. */
export type DownType = (typeof downTypes)[number];

/**
 * Types that hubs of every version know: an agent that has everything of these has all that there is, as `member` comes
 * before `grant`, and `hub-address` before all.
 */
export const awaitedDownTypes: readonly DownType[] = downTypes.filter(
  (type) => type !== 'member' && type !== 'hub-address',
);

export const syncMessage: Codec<SyncMessage> = codec(
  SyncMessageSchema,
  (message) => ({
    message:
      message.kind === 'request'
        ? { case: 'request' as const, value: writeRequest(message.request) }
        : { case: 'response' as const, value: writeResponse(message.response) },
  }),
  ({ message }, fields): SyncMessage => {
    switch (message.case) {
      case 'request':
        return { kind: 'request', request: readRequest(message.value, fields) };
      case 'response':
        return { kind: 'response', response: readResponse(message.value, fields) };
      case undefined:
        fields.refuse('message', 'is neither a request nor a response');
        return { kind: 'request', request: nothing };
    }
  },
);

const nothing: DeltaRequest = {
  type: '',
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  nonce: '',
  error: '',
};

const writeRequest = (request: DeltaRequest): MessageInitShape<typeof DeltaRequestSchema> => ({
  type: request.type,
  subscribe: [...request.subscribe],
  unsubscribe: [...request.unsubscribe],
  initialVersions: sortedRecord(request.initialVersions),
  nonce: request.nonce,
  error: request.error,
  digests: sortedRecord(
    new Map([...(request.digests ?? [])].map(([group, digest]) => [group, writeDigest(digest)])),
  ),
});

const readRequest = (request: WireRequest, fields: Fields): DeltaRequest => {
  const digests = Object.entries(request.digests);
  return {
    type: fields.text('request.type', request.type),
    subscribe: request.subscribe,
    unsubscribe: request.unsubscribe,
    initialVersions: new Map(Object.entries(request.initialVersions)),
    nonce: request.nonce,
    error: request.error,
    ...(digests.length > 0 && {
      digests: new Map(digests.map(([group, bytes]) => [group, readDigestOf(group, bytes, fields)])),
    }),
  };
};

function readDigestOf(group: string, bytes: Uint8Array, fields: Fields): bigint {
  const digest = readDigest(bytes);
  if (digest === undefined)
    fields.refuse(
      `request.digests[${JSON.stringify(group.slice(0, 60))}]`,
      `has ${bytes.length} bytes and not ${digestBytes}`,
    );
  return digest ?? 0n;
}

const writeResponse = (response: DeltaResponse): MessageInitShape<typeof DeltaResponseSchema> => ({
  type: response.type,
  nonce: response.nonce,
  epoch: response.systemVersion.epoch,
  revision: response.systemVersion.revision,
  resources: response.resources.map(({ name, version, body }) => ({ name, version, body })),
  removed: [...response.removed],
  complete: response.complete,
  groupsToList: [...(response.groupsToList ?? [])],
});

const readResponse = (response: WireResponse, fields: Fields): DeltaResponse => ({
  type: fields.text('response.type', response.type),
  nonce: fields.text('response.nonce', response.nonce),
  systemVersion: { epoch: response.epoch, revision: response.revision },
  resources: response.resources.map(({ name, version, body }, i) => ({
    name: fields.text(`response.resources[${i}].name`, name),
    version,
    body,
  })),
  removed: response.removed,
  complete: response.complete,
  ...(response.groupsToList.length > 0 && { groupsToList: response.groupsToList }),
});
