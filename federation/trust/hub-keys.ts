import type { AdminTokenRecord, LinkCaRecord, TrustDomainRecord } from '@isthmus/api/domain/trust.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { seal } from '@isthmus/mesh/pki/seal.ts';
import { HubError, type HubErrorCode } from '../hub-error.ts';
import type { IntentState } from '../state/snapshot.ts';
import type { Write } from '../store/store.ts';
import { mintLinkCa } from './link-ca.ts';
import { mintTrustDomain, type TrustTools } from './trust-domain.ts';

/** What everything that a hub vouches for rests on. */
export interface HubKeys {
  readonly linkCa: LinkCaRecord;
  readonly trustDomain: TrustDomainRecord;
  readonly adminToken: AdminTokenRecord;
  /** What of it is not in the store yet. */
  readonly writes: readonly Write[];
}

export interface KeyOptions {
  readonly hubId: string;
  readonly trustDomain: TrustDomain;
  /** The token is replaced, so that the old one ends. */
  readonly newAdminToken: boolean;
}

/** What earlier versions kept in files of their own. */
export interface KeyFiles {
  readonly linkCa?: Pick<LinkCaRecord, 'certificatePem' | 'sealedKey'> | undefined;
  readonly adminToken?: string | undefined;
}

export const adminTokenPurpose = 'admin token';

/**
 * The hub's keys: those of the store, or those of files of an earlier version, or new ones. New ones would lock out
 * every agent and user with a certificate or token of the old ones, so nothing is minted once there are members or join tokens. Throws LINK_CA_MISSING,
 * TRUST_DOMAIN_MISSING, ADMIN_TOKEN_MISSING and HUB_ID with what to do.
 */
export function hubKeys(
  intent: IntentState,
  files: KeyFiles,
  options: KeyOptions,
  tools: TrustTools,
): HubKeys {
  const founded = intent.clusters.size + intent.joinTokens.size > 0;
  const linkCa = linkCaOf(intent, files, options, tools, founded);
  const trustDomain = trustDomainOf(intent, options, tools, founded);
  const adminToken = adminTokenOf(intent, files, options, tools, founded);
  const writes: Write[] = [];
  const add = (put: HubKeys['linkCa' | 'trustDomain' | 'adminToken'], id: string, known: boolean) => {
    if (!known) writes.push({ put, id, expected: undefined });
  };
  add(linkCa, 'link', intent.linkCas.get('link')?.value === linkCa);
  add(trustDomain, trustDomain.name, intent.trustDomains.has(trustDomain.name));
  add(adminToken, 'admin', intent.adminTokens.get('admin')?.value === adminToken);
  return { linkCa, trustDomain, adminToken, writes };
}

function linkCaOf(
  { linkCas }: IntentState,
  files: KeyFiles,
  { hubId }: KeyOptions,
  tools: TrustTools,
  founded: boolean,
): LinkCaRecord {
  const known = linkCas.get('link')?.value;
  if (known && founded && known.hubId !== hubId)
    throw new HubError(
      'HUB_ID',
      `the agents of this hub know it as '${known.hubId}', not '${hubId}': start it with --hub-id ${known.hubId}`,
    );
  if (known && known.hubId === hubId) return known;
  if (files.linkCa) return { kind: 'linkCa', hubId, ...files.linkCa };
  if (founded) throw missing('LINK_CA_MISSING', 'the CA of the link');
  return mintLinkCa(hubId, tools);
}

function trustDomainOf(
  { trustDomains }: IntentState,
  options: KeyOptions,
  tools: TrustTools,
  founded: boolean,
): TrustDomainRecord {
  const known = trustDomains.get(options.trustDomain)?.value;
  if (known) return known;
  if (!founded) return mintTrustDomain(options.trustDomain, tools);
  const [other] = trustDomains.keys();
  if (other === undefined) throw missing('TRUST_DOMAIN_MISSING', `the trust domain ${options.trustDomain}`);
  throw new HubError(
    'TRUST_DOMAIN_MISSING',
    `the members of this hub are in the trust domain ${other}, and --trust-domain names ${options.trustDomain}: start it with --trust-domain ${other}`,
  );
}

function adminTokenOf(
  { adminTokens }: IntentState,
  files: KeyFiles,
  { newAdminToken }: KeyOptions,
  { provider, random }: TrustTools,
  founded: boolean,
): AdminTokenRecord {
  const known = adminTokens.get('admin')?.value;
  if (known && !newAdminToken) return known;
  if (!known && !newAdminToken && founded && files.adminToken === undefined)
    throw new HubError(
      'ADMIN_TOKEN_MISSING',
      'the store has members and no admin token: restore hub.db from a backup, or start once with --new-admin-token',
    );
  const kept = newAdminToken ? undefined : files.adminToken;
  const token = kept ?? random.bytes(32).toString('base64url');
  return { kind: 'adminToken', sealedToken: seal(token, adminTokenPurpose, provider, random) };
}

const missing = (code: HubErrorCode, what: string): HubError =>
  new HubError(
    code,
    `the store has members or join tokens, and ${what} that they rest on is missing; a new one would lock them out: restore hub.db from a backup, or start over with an empty --state-dir and join every cluster again`,
  );
