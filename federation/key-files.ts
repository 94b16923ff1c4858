import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { HubError } from './hub-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { auditBody } from './command/audit-body.ts';
import { redaction, textRedaction } from './command/redact.ts';
import type { IntentState } from './state/snapshot.ts';
import type { Epoch, Store } from './store/store.ts';
import { isAdminToken } from './trust/admin-token.ts';
import type { HubKeys, KeyFiles } from './trust/hub-keys.ts';

const linkCaFile = 'link-ca.json';

/** Keys that an earlier version kept in files: they move into the store. Throws KEY_FILE. */
export function keyFiles(stateDir: string): KeyFiles {
  const linkCa = read(join(stateDir, linkCaFile));
  const adminToken = read(join(stateDir, 'admin-token'))?.trim();
  return {
    linkCa: linkCa === undefined ? undefined : parseLinkCa(join(stateDir, linkCaFile), linkCa),
    adminToken: adminToken !== undefined && isAdminToken(adminToken) ? adminToken : undefined,
  };
}

/** In words, what the sealing key has sealed: without it none of that can be opened. */
export const sealedIn = (intent: IntentState, files: KeyFiles): readonly string[] => [
  ...[...intent.trustDomains.keys()].map((name) => `the root key of ${name}`),
  ...(intent.linkCas.size > 0 || files.linkCa ? ['the key of the link CA'] : []),
  ...(intent.adminTokens.size > 0 ? ['the admin token'] : []),
];

/** Writes what is new, as one commit. */
export async function commitKeys(
  store: Store,
  { writes }: Pick<HubKeys, 'writes'>,
  { clock, random, epoch }: { readonly clock: Clock; readonly random: Random; readonly epoch: Epoch },
  reason = 'keys that were not in the store',
): Promise<void> {
  if (writes.length === 0) return;
  const audit = {
    id: random.id(),
    at: clock.now(),
    actor: 'hub',
    action: 'foundHub',
    subject: writes.map((one) => ('put' in one ? `${one.put.kind}/${one.id}` : '')).join(' '),
    reason,
    outcome: '{}',
    idempotencyKey: '',
  };
  const body = auditBody({ input: null, reason, writes }, redaction(textRedaction([])));
  const detail = { system: true, body };
  const result = await store.commit({ writes, audit, detail, fence: epoch });
  if (result.kind !== 'committed')
    throw new HubError('FENCED', 'another hub took over while this one started: start this one again');
}

/** The token where the command line finds it. The store's is the one that counts. */
export function writeToken(path: string, token: string, log: Log): void {
  const known = read(path);
  if (known?.trim() === token) return;
  if (known !== undefined)
    log.warn({ file: path }, 'the admin token in this file was not the one of the store, and was replaced');
  writeWhole(path, `${token}\n`);
}

/** Where the token is kept in a Secret, no file has it. */
export const dropToken = (path: string): void => rmSync(path, { force: true });

/** To be called once what they hold is durable in the store. */
export const dropKeyFiles = (stateDir: string): void => rmSync(join(stateDir, linkCaFile), { force: true });

function read(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return readText(path);
  } catch (cause) {
    if (cause instanceof CodedError) throw new HubError('KEY_FILE', cause.message, { cause });
    throw cause;
  }
}

function parseLinkCa(path: string, text: string): KeyFiles['linkCa'] {
  try {
    const { certificate, sealedKey } = JSON.parse(text) as { certificate: string; sealedKey: string };
    return { certificatePem: certificate, sealedKey };
  } catch (cause) {
    throw new HubError('KEY_FILE', `${path} is damaged: restore it from a backup`, { cause });
  }
}
