import type {
  JoinRequest,
  JoinResponse,
  RenewLinkRequest,
  RenewLinkResponse,
  SignIntermediateRequest,
  SignIntermediateResponse,
} from '../../domain/membership.ts';
import {
  JoinRequestSchema,
  JoinResponseSchema,
  RenewLinkRequestSchema,
  RenewLinkResponseSchema,
  SignIntermediateRequestSchema,
  SignIntermediateResponseSchema,
} from '../../gen/isthmus/link_pb.js';
import { codec, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';

export const joinRequest: Codec<JoinRequest> = codec(
  JoinRequestSchema,
  (request) => ({ ...request }),
  (request, fields): JoinRequest => ({
    cluster: fields.text('cluster', request.cluster),
    secret: fields.text('secret', request.secret),
    linkCsr: fields.text('link_csr', request.linkCsr),
    agentVersion: request.agentVersion,
  }),
);

export const joinResponse: Codec<JoinResponse> = codec(
  JoinResponseSchema,
  (response) => ({
    ...response,
    linkChain: [...response.linkChain],
    linkEndpoints: [...response.linkEndpoints],
  }),
  (response, fields): JoinResponse => ({
    hubId: fields.text('hub_id', response.hubId),
    clusterId: fields.text('cluster_id', response.clusterId),
    linkChain: chain('link_chain', response.linkChain, fields),
    linkCa: fields.text('link_ca', response.linkCa),
    linkEndpoints: chain('link_endpoints', response.linkEndpoints, fields),
    trustDomain: fields.trustDomain('trust_domain', response.trustDomain),
  }),
);

export const renewLinkRequest: Codec<RenewLinkRequest> = codec(
  RenewLinkRequestSchema,
  ({ linkCsr }) => ({ linkCsr }),
  ({ linkCsr }, fields): RenewLinkRequest => ({ linkCsr: fields.text('link_csr', linkCsr) }),
);

export const renewLinkResponse: Codec<RenewLinkResponse> = codec(
  RenewLinkResponseSchema,
  ({ linkChain, linkCa }) => ({ linkChain: [...linkChain], linkCa }),
  ({ linkChain, linkCa }, fields): RenewLinkResponse => ({
    linkChain: chain('link_chain', linkChain, fields),
    linkCa: fields.text('link_ca', linkCa),
  }),
);

export const signIntermediateRequest: Codec<SignIntermediateRequest> = codec(
  SignIntermediateRequestSchema,
  ({ csr, urgent }) => ({ csr, urgent }),
  ({ csr, urgent }, fields): SignIntermediateRequest => ({ csr: fields.text('csr', csr), urgent }),
);

export const signIntermediateResponse: Codec<SignIntermediateResponse> = codec(
  SignIntermediateResponseSchema,
  (response) => ({ chain: [...response.chain], keyId: response.keyId }),
  (response, fields): SignIntermediateResponse => ({
    chain: chain('chain', response.chain, fields),
    keyId: fields.text('key_id', response.keyId),
  }),
);

/** At least one, none empty. */
function chain(field: string, values: readonly string[], fields: Fields): readonly string[] {
  if (values.length === 0) fields.refuse(field, 'is missing');
  return values.map((value, i) => fields.text(`${field}[${i}]`, value));
}
