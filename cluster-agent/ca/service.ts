import { status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import type { CertificateRequest, CertificateResponse } from '@isthmus/api/wire/certificate.ts';
import {
  formatWorkloadIdentity,
  type TrustDomain,
  type WorkloadIdentity,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { AgentError, type AgentErrorCode, type CertificateErrorCode } from '../agent-error.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { authorizeIdentity, type Pods } from './node-authorizer.ts';
import type { WorkloadIssuer } from './issuer.ts';
import { RateLimit } from '@isthmus/mesh/process/rate-limit.ts';
import type { Authenticator, Caller } from './authenticator.ts';

interface Deps {
  readonly authenticator: Authenticator;
  readonly issuer: WorkloadIssuer;
  readonly pods: Pods;
  readonly trustDomain: TrustDomain;
  /** Why the cluster may not have a certificate for this identity; undefined when it may. */
  readonly hostingRefusal?: (identity: WorkloadIdentity, caller: Caller) => string | undefined;
  /** A pod's proxy, by the pod's uid, is about to hold this certificate, PEM. */
  readonly onIssued?: (proxyUid: string, identity: string, leaf: string) => void;
  /** The code of a refusal. */
  readonly onRefused?: (code: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

type Call = ServerUnaryCall<CertificateRequest, CertificateResponse>;

const codes: Readonly<Record<CertificateErrorCode, status>> = {
  UNAUTHENTICATED: status.UNAUTHENTICATED,
  PERMISSION_DENIED: status.PERMISSION_DENIED,
  BAD_CSR: status.INVALID_ARGUMENT,
  NOT_ACTIVE: status.UNAVAILABLE,
  // An operator may allow it at any time: proxies ask again soon.
  NAMESPACE_NOT_ALLOWED: status.UNAVAILABLE,
  NOT_LISTED: status.UNAVAILABLE,
  NOT_REVIEWED: status.UNAVAILABLE,
  TOO_MANY: status.RESOURCE_EXHAUSTED,
};

const isOfCertificates = (code: AgentErrorCode): code is CertificateErrorCode => code in codes;

/** Istio's CreateCertificate: a proven caller, an identity that it may have, and a leaf for the key it proves. */
export function certificateHandlers(deps: Deps) {
  const limit = new RateLimit(deps.clock, 10, 200);
  const lines = new LimitedLines(deps.clock, deps.log);
  return {
    createCertificate(call: Call, reply: sendUnaryData<CertificateResponse>): void {
      create(deps, limit, call)
        .then((chain) => reply(null, chain))
        .catch((error: unknown) => {
          deps.onRefused?.(error instanceof AgentError ? error.code : 'INTERNAL');
          reply(toGrpc(error, lines));
        });
    },
  };
}

async function create(
  { authenticator, issuer, pods, trustDomain, hostingRefusal, onIssued, log }: Deps,
  limit: RateLimit,
  { metadata, request }: Call,
): Promise<CertificateResponse> {
  const caller = await authenticator.authenticate(metadata.get('authorization')[0]?.toString());
  const name = `${caller.namespace}/${caller.pod.name}`;
  if (!limit.take(name))
    throw new AgentError('TOO_MANY', `${name} asks for more than 10 certificates a second: ask later`);
  if (!pods.synced)
    throw new AgentError('NOT_LISTED', 'the agent has not finished listing its cluster: ask again');
  const identity = authorizeIdentity(caller, request.impersonatedIdentity, trustDomain, pods);
  if (!identity.ok) throw new AgentError('PERMISSION_DENIED', identity.error);
  const notHosted = hostingRefusal?.(identity.value, caller);
  if (notHosted !== undefined) throw new AgentError('NAMESPACE_NOT_ALLOWED', notHosted);
  const chain = issuer.issue(identity.value, request.csr, request.validitySeconds);
  onIssued?.(caller.pod.uid, formatWorkloadIdentity(identity.value), chain[0] ?? '');
  log.debug(
    { caller: name, identity: `${identity.value.namespace}/${identity.value.serviceAccount}` },
    'certificate issued',
  );
  return chain;
}

function toGrpc(error: unknown, lines: LimitedLines): { code: number; details: string } {
  if (!(error instanceof AgentError) || !isOfCertificates(error.code)) {
    lines.error('INTERNAL', { error: String(error) }, 'certificate request failed');
    return { code: status.INTERNAL, details: 'the agent failed; its log says why' };
  }
  const { code: reason, message: details } = error;
  const code = codes[reason];
  if (code !== status.UNAVAILABLE) lines.warn(reason, { reason, details }, 'certificate refused');
  return { code, details };
}
