import type { X509Certificate } from 'node:crypto';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { certificateOf } from '@isthmus/mesh/pki/certificate.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import { IntermediateSchema, TrustBundleSchema } from '../gen/isthmus/mesh_pb.js';
import { decodeMessage, encodeMessage } from './binary.ts';
import type { Fields } from './fields.ts';

export const encodeTrustBundle = (bundle: TrustBundle): Uint8Array =>
  encodeMessage(TrustBundleSchema, {
    trustDomain: bundle.trustDomain,
    roots: bundle.roots.map((root) => root.raw),
    sequence: BigInt(bundle.sequence),
  });

/** A bundle without roots is refused: it would trust nobody, which is said by removing it. */
export const decodeTrustBundle = (bytes: Uint8Array): Result<TrustBundle, string> =>
  decodeMessage(TrustBundleSchema, bytes, (message, fields): TrustBundle => {
    if (message.roots.length === 0) fields.refuse('roots', 'is missing');
    return {
      trustDomain: fields.trustDomain('trust_domain', message.trustDomain),
      roots: message.roots.flatMap((der, i) => readCertificate(`roots[${i}]`, der, fields)),
      sequence: fields.count('sequence', message.sequence),
    };
  });

export const encodeIntermediate = (intermediate: Intermediate): Uint8Array =>
  encodeMessage(IntermediateSchema, {
    keyId: intermediate.keyId,
    trustDomain: intermediate.trustDomain,
    cluster: intermediate.cluster,
    certificate: intermediate.certificate.raw,
    revoked: intermediate.revoked,
    ...(intermediate.namespaces && { namespaces: { names: [...intermediate.namespaces] } }),
  });

export function decodeIntermediate(bytes: Uint8Array): Result<Intermediate, string> {
  let certificate: X509Certificate | undefined;
  const rest = decodeMessage(IntermediateSchema, bytes, (message, fields) => {
    [certificate] = readCertificate('certificate', message.certificate, fields);
    return {
      keyId: fields.text('key_id', message.keyId),
      trustDomain: fields.trustDomain('trust_domain', message.trustDomain),
      cluster: fields.text('cluster', message.cluster),
      revoked: message.revoked,
      ...(message.namespaces && { namespaces: message.namespaces.names }),
    };
  });
  if (!rest.ok) return rest;
  return certificate
    ? { ok: true, value: { ...rest.value, certificate } }
    : { ok: false, error: 'certificate: is missing' };
}

/** None or one, as there is no certificate to stand for a bad one. */
function readCertificate(field: string, der: Uint8Array, fields: Fields): X509Certificate[] {
  const certificate = certificateOf(der);
  if (!certificate) fields.refuse(field, 'is not a DER certificate');
  return certificate ? [certificate] : [];
}
