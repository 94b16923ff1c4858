import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';

/** The one call of an agent that is not a member yet. */
export interface JoinRequest {
  readonly cluster: string;
  readonly secret: string;
  /** PEM; only its public key is used. */
  readonly linkCsr: string;
  readonly agentVersion: string;
}

export interface JoinResponse {
  readonly hubId: string;
  readonly clusterId: string;
  /** PEM, leaf first. */
  readonly linkChain: readonly string[];
  /** PEM of the link's CA. */
  readonly linkCa: string;
  /** host:port of the link's listener, one for each replica of the hub. */
  readonly linkEndpoints: readonly string[];
  readonly trustDomain: TrustDomain;
}

export interface RenewLinkRequest {
  readonly linkCsr: string;
}

export interface RenewLinkResponse {
  readonly linkChain: readonly string[];
  readonly linkCa: string;
}

export interface SignIntermediateRequest {
  readonly csr: string;
  /** The agent has no intermediate that it may sign with: it was lost, or revoked. */
  readonly urgent: boolean;
}

export interface SignIntermediateResponse {
  /** PEM: the intermediate, then the root. */
  readonly chain: readonly string[];
  readonly keyId: string;
}
