import { terminalText } from '@isthmus/mesh/process/terminal-text.ts';
import type { Party } from './tcp-labels.ts';

/** One connection's line, in Istio's order; what is undefined is left out. */
export interface AccessRecord {
  readonly srcAddr: string;
  readonly srcWorkload?: string | undefined;
  readonly srcNamespace?: string | undefined;
  readonly srcIdentity?: string | undefined;
  readonly srcCluster?: string | undefined;
  readonly dstAddr: string;
  readonly dstHboneAddr?: string | undefined;
  readonly dstService?: string | undefined;
  readonly dstWorkload?: string | undefined;
  readonly dstNamespace?: string | undefined;
  readonly dstIdentity?: string | undefined;
  readonly dstCluster?: string | undefined;
  readonly direction: 'outbound' | 'inbound';
  readonly bytesSent: number;
  readonly bytesRecv: number;
  readonly durationMillis: number;
  readonly error?: string | undefined;
}

/** What upstream's log calls a workload: the pod, or what is known of those that it is one of. */
export const shownWorkload = (party: Party | undefined): string | undefined =>
  party && (party.name ?? (party.workloadName === '' ? party.canonicalName : party.workloadName));

/** ztunnel's plain format: tab-separated time, level, target and message, then `key=value` with quoted text. */
export function formatAccess(record: AccessRecord, now: number): string {
  const fields: readonly (readonly [string, string | number | undefined])[] = [
    ['src.addr', record.srcAddr],
    ['src.workload', record.srcWorkload],
    ['src.namespace', record.srcNamespace],
    ['src.identity', record.srcIdentity],
    ['src.cluster', record.srcCluster],
    ['dst.addr', record.dstAddr],
    ['dst.hbone_addr', record.dstHboneAddr],
    ['dst.service', record.dstService],
    ['dst.workload', record.dstWorkload],
    ['dst.namespace', record.dstNamespace],
    ['dst.identity', record.dstIdentity],
    ['dst.cluster', record.dstCluster],
    ['direction', record.direction],
    ['bytes_sent', record.bytesSent],
    ['bytes_recv', record.bytesRecv],
    ['duration', `${Math.round(record.durationMillis)}ms`],
    ['error', record.error],
  ];
  const text = fields
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${quoted(key, value ?? '')}`);
  const level = record.error === undefined ? 'info' : 'error';
  return `${new Date(now).toISOString()}\t${level}\taccess\tconnection complete\t${text.join(' ')}\n`;
}

/**
 * Numbers and addresses stand bare. Every other text is quoted, and so is a peer's that should be an address and is
 * not; nothing in it can begin a new line or a new field.
 */
const quoted = (key: string, value: string | number): string =>
  typeof value === 'number' || (key.endsWith('addr') && /^[\w.:[\]-]{1,300}$/.test(value))
    ? String(value)
    : terminalText(JSON.stringify(value.slice(0, 1000)));
