import type { X509Certificate } from 'node:crypto';
import { alternativeNames } from '../pki/alternative-names.ts';
import { leafFault } from '../pki/fit.ts';
import { names } from '../pki/names.ts';
import { err, ok, type Result } from '../result.ts';
import { issuerRefusal } from './hosting.ts';
import type { IssuerTable } from './issuer-table.ts';
import {
  parseLinkAgent,
  parseSpiffeId,
  parseWorkloadIdentity,
  trustDomainOf,
  type SpiffeId,
  type TrustDomain,
  type WorkloadIdentity,
} from './spiffe-id.ts';

/** Who is at the other end, as its certificate proves. */
export interface Peer {
  readonly spiffeId: SpiffeId;
  /** Undefined for an identity that is not a workload's. */
  readonly identity: WorkloadIdentity | undefined;
  readonly trustDomain: TrustDomain;
  /** The cluster whose intermediate issued the certificate, and that intermediate. */
  readonly cluster: string;
  readonly issuerKeyId: string;
  readonly notAfter: number;
  /** An east-west gateway that this side dialled as one. */
  readonly gateway?: true;
}

export type RefusalReason =
  | 'NO_CERTIFICATE'
  | 'UNKNOWN_ISSUER'
  | 'REVOKED_ISSUER'
  | 'WRONG_TRUST_DOMAIN'
  | 'BAD_SAN'
  | 'EXPIRED'
  | 'NOT_YET_VALID'
  | 'WRONG_PURPOSE'
  | 'WRONG_IDENTITY'
  /** Issued by another cluster than the one that hosts the endpoint that was chosen. */
  | 'WRONG_CLUSTER'
  /** Issued by a cluster that may not host the identity's namespace. */
  | 'NAMESPACE_NOT_ALLOWED'
  | 'NO_ALPN';

export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
}

const refuse = (reason: RefusalReason, message: string) => err({ reason, message });

/**
 * Judges a peer by its leaf alone, in DER (X509-SVID 4 and 5, and the table of issuers): exactly one URI name which is a
 * SPIFFE ID, fit to be a leaf and for its role, in its time, issued by an intermediate in force of the SAN's trust domain whose
 * cluster may host the namespace. `gateway`: it was dialled as an east-west gateway.
 */
export function judgePeer(
  shown: Buffer | undefined,
  table: IssuerTable,
  { now, role, gateway = false }: { now: number; role: 'client' | 'server'; gateway?: boolean },
): Result<Peer, Refusal> {
  if (!shown) return refuse('NO_CERTIFICATE', 'the peer sent no certificate');
  const leaf = table.read(shown);
  if (!leaf) return refuse('NO_CERTIFICATE', 'the peer sent a certificate that cannot be read');
  const { id, identity, fault, usages, notAfter } = read(leaf);
  if (!id.ok) return id;
  const shape = checkShape(fault, usages, role) ?? checkTime('the certificate', leaf, now);
  if (shape) return err(shape);
  const issuer = table.match(leaf);
  if (!issuer.ok) return refuse('UNKNOWN_ISSUER', `${id.value}: ${issuer.error}`);
  const { trustDomain, cluster, keyId } = issuer.value;
  if (trustDomain !== trustDomainOf(id.value))
    return refuse(
      'WRONG_TRUST_DOMAIN',
      `${id.value} was issued by an intermediate of trust domain ${trustDomain}`,
    );
  const peer: Peer = {
    spiffeId: id.value,
    identity,
    trustDomain,
    cluster,
    issuerKeyId: keyId,
    notAfter,
    ...(gateway && { gateway }),
  };
  const refusal = issuerRefusal(table, peer);
  if (refusal) return err(refusal);
  // A cluster whose intermediate has run out can still sign leaves that say they have not.
  const late = checkTime(`the intermediate of cluster ${cluster}`, issuer.value.certificate, now);
  return late ? err(late) : ok(peer);
}

/** What the bytes of a certificate alone say of its bearer. Times are epoch milliseconds, NaN where they cannot be read. */
interface Read extends Times {
  readonly id: Result<SpiffeId, Refusal>;
  readonly identity: WorkloadIdentity | undefined;
  /** Why it is not fit to be a leaf. */
  readonly fault: string | undefined;
  readonly usages: readonly string[];
}

interface Times {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A peer shows the same leaf at every handshake, and the table keeps its object: it is read for the first of them. */
const leaves = new WeakMap<X509Certificate, Read>();
const times = new WeakMap<X509Certificate, Times>();

function read(leaf: X509Certificate): Read {
  const known = leaves.get(leaf);
  if (known) return known;
  const id = spiffeIdOf(leaf);
  const identity = id.ok ? parseWorkloadIdentity(id.value) : undefined;
  const facts = {
    ...timesOf(leaf),
    id,
    identity: identity?.ok ? identity.value : undefined,
    fault: leafFault(leaf),
    // Node calls the extended key usages `keyUsage`; it is undefined where the extension is absent.
    usages: (leaf.keyUsage as string[] | undefined) ?? [],
  };
  leaves.set(leaf, facts);
  return facts;
}

function timesOf(certificate: X509Certificate): Times {
  const known = times.get(certificate);
  if (known) return known;
  const { validFrom, validTo } = certificate;
  const parsed = { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
  times.set(certificate, parsed);
  return parsed;
}

/** The one SPIFFE ID of a certificate. Other kinds of names may stand beside it; a second URI may not. */
export function spiffeIdOf(leaf: X509Certificate): Result<SpiffeId, Refusal> {
  const uris = alternativeNames(leaf).filter(({ tag }) => tag === 6);
  const [first] = uris;
  if (!first || uris.length > 1)
    return refuse('BAD_SAN', `a certificate has exactly one URI name; this one has ${uris.length}`);
  const id = parseSpiffeId(first.bytes.toString('latin1'));
  if (!id.ok) return refuse('BAD_SAN', id.error);
  const known = parseWorkloadIdentity(id.value).ok || parseLinkAgent(id.value).ok;
  return known ? id : refuse('BAD_SAN', `${id.value.slice(0, 200)} names neither a workload nor an agent`);
}

function checkShape(
  fault: string | undefined,
  usages: readonly string[],
  role: 'client' | 'server',
): Refusal | undefined {
  if (fault !== undefined) return { reason: 'WRONG_PURPOSE', message: `the certificate ${fault}` };
  return usages.includes(role === 'client' ? names.clientAuth : names.serverAuth)
    ? undefined
    : { reason: 'WRONG_PURPOSE', message: `the certificate is not for a TLS ${role}` };
}

/** A time that cannot be read compares as false, so it is asked for what must hold. */
function checkTime(what: string, certificate: X509Certificate, now: number): Refusal | undefined {
  const { notBefore, notAfter } = timesOf(certificate);
  if (!(now >= notBefore))
    return { reason: 'NOT_YET_VALID', message: `${what} is valid from ${certificate.validFrom}` };
  if (!(now <= notAfter)) return { reason: 'EXPIRED', message: `${what} expired on ${certificate.validTo}` };
  return undefined;
}
