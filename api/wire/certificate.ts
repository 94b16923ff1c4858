import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from '../gen/upstream/ca_pb.js';
import { codec, type Codec } from './binary.ts';

/** A request to Istio's certificate service. */
export interface CertificateRequest {
  /** PEM. */
  readonly csr: string;
  readonly validitySeconds: number;
  /** The SPIFFE ID for which a node's proxy asks on behalf of a workload; '': its own. */
  readonly impersonatedIdentity: string;
}

/** PEM: the leaf, the intermediates, and the root as an element of its own at the end. */
export type CertificateResponse = readonly string[];

export const certificateRequest: Codec<CertificateRequest> = codec(
  IstioCertificateRequestSchema,
  ({ csr, validitySeconds, impersonatedIdentity }) => ({
    csr,
    validityDuration: BigInt(validitySeconds),
    ...(impersonatedIdentity !== '' && { metadata: { ImpersonatedIdentity: impersonatedIdentity } }),
  }),
  (message, fields): CertificateRequest => {
    const impersonated = message.metadata?.['ImpersonatedIdentity'] ?? '';
    if (typeof impersonated !== 'string') fields.refuse('metadata.ImpersonatedIdentity', 'is not text');
    return {
      csr: fields.text('csr', message.csr),
      validitySeconds: fields.count('validity_duration', message.validityDuration),
      impersonatedIdentity: typeof impersonated === 'string' ? impersonated : '',
    };
  },
);

export const certificateResponse: Codec<CertificateResponse> = codec(
  IstioCertificateResponseSchema,
  (chain) => ({ certChain: [...chain] }),
  ({ certChain }, fields) => {
    if (certChain.length < 2)
      fields.refuse('cert_chain', 'has no root: at least a leaf and a root are expected');
    return certChain;
  },
);
