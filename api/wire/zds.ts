import type { MessageInitShape } from '@bufbuild/protobuf';
import { err } from '@isthmus/mesh/result.ts';
import {
  Version,
  WorkloadRequestSchema,
  WorkloadResponseSchema,
  ZdsHelloSchema,
  type AddWorkload,
  type WorkloadRequest,
} from '../gen/upstream/zds_pb.js';
import { codec, type Codec } from './binary.ts';
import type { Fields } from './fields.ts';

// ZDS: a node agent (istio-cni, or ours) serves it to a node's proxy over packets (SOCK_SEQPACKET), one message each. The proxy
// says hello; then each request is answered before the next is sent.

/** No packet is longer, either way. */
export const zdsMaxBytes = 1024;
/** Upstream's reader takes no longer answer, so a reason is cut. */
const maxReasonLength = 300;

/** A pod that is captured. */
export interface ZdsPod {
  /** The pod's `metadata.uid`, which no other pod ever has. No name of a workload resource. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** What a node agent asks of a proxy. */
export type ZdsRequest =
  /** Capture it. The packet has one descriptor, of its network namespace. */
  | { readonly kind: 'add'; readonly pod: ZdsPod }
  /** Go on capturing what an earlier connection added. Before `snapshot-sent` only. */
  | { readonly kind: 'keep'; readonly uid: string }
  | { readonly kind: 'del'; readonly uid: string }
  /** Once on a connection: every pod that was neither added nor kept on it has left. */
  | { readonly kind: 'snapshot-sent' };

/** A proxy's first packet. Another version than 1 is refused. */
export const zdsHello: Codec<object> = bounded(
  codec(
    ZdsHelloSchema,
    () => ({ version: Version.V1 }),
    (message, fields) => {
      if (message.version !== Version.V1) fields.refuse('version', `${message.version} is not spoken: 1 is`);
      return {};
    },
  ),
);

export const zdsRequest: Codec<ZdsRequest> = bounded(codec(WorkloadRequestSchema, writeRequest, readRequest));

/** A proxy's answer to a request: why it failed, or nothing. */
export interface ZdsAnswer {
  readonly problem: string | undefined;
}

export const zdsAnswer: Codec<ZdsAnswer> = bounded(
  codec(
    WorkloadResponseSchema,
    ({ problem }: ZdsAnswer) => ({
      payload: { case: 'ack' as const, value: { error: reasonOf(problem) } },
    }),
    ({ payload }, fields): ZdsAnswer => {
      if (payload.case !== 'ack') fields.refuse('payload', 'is missing');
      const said = payload.case === 'ack' ? payload.value.error : '';
      return { problem: said === '' ? undefined : fields.sentence(said) };
    },
  ),
);

const reasonOf = (problem: string | undefined): string =>
  problem === undefined
    ? ''
    : problem.slice(0, maxReasonLength) || 'it failed for a reason that has no words';

function bounded<T>({ encode, decode }: Codec<T>): Codec<T> {
  return {
    encode,
    decode: (bytes) =>
      bytes.length > zdsMaxBytes
        ? err(`the message has ${bytes.length} bytes, more than ${zdsMaxBytes}`)
        : decode(bytes),
  };
}

function writeRequest(request: ZdsRequest): MessageInitShape<typeof WorkloadRequestSchema> {
  switch (request.kind) {
    case 'add': {
      const { uid, name, namespace, serviceAccount } = request.pod;
      const value = { uid, workloadInfo: { name, namespace, serviceAccount } };
      return { payload: { case: 'add', value } };
    }
    case 'keep':
    case 'del':
      return { payload: { case: request.kind, value: { uid: request.uid } } };
    case 'snapshot-sent':
      return { payload: { case: 'snapshotSent', value: {} } };
  }
}

function readRequest({ payload }: WorkloadRequest, fields: Fields): ZdsRequest {
  switch (payload.case) {
    case 'add':
      return { kind: 'add', pod: readPod(payload.value, fields) };
    case 'keep':
    case 'del':
      return { kind: payload.case, uid: fields.token(`${payload.case}.uid`, payload.value.uid) };
    case 'snapshotSent':
      return { kind: 'snapshot-sent' };
    case undefined:
      fields.refuse('payload', 'is missing, or of a kind that is not known here');
      return { kind: 'snapshot-sent' };
  }
}

function readPod({ uid, workloadInfo }: AddWorkload, fields: Fields): ZdsPod {
  const none = { name: '', namespace: '', serviceAccount: '' };
  const { name, namespace, serviceAccount } = fields.required('add.workload_info', workloadInfo, none);
  return {
    uid: fields.token('add.uid', uid),
    name: fields.dnsName('add.workload_info.name', name),
    namespace: fields.label('add.workload_info.namespace', namespace),
    serviceAccount: fields.dnsName('add.workload_info.service_account', serviceAccount),
  };
}
