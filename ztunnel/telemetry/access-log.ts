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

type Field = readonly [name: string, of: (record: AccessRecord) => string | number | undefined];

/** In the order of the line. */
const fields: readonly Field[] = [
  ['src.addr', ({ srcAddr }) => srcAddr],
  ['src.workload', ({ srcWorkload }) => srcWorkload],
  ['src.namespace', ({ srcNamespace }) => srcNamespace],
  ['src.identity', ({ srcIdentity }) => srcIdentity],
  ['src.cluster', ({ srcCluster }) => srcCluster],
  ['dst.addr', ({ dstAddr }) => dstAddr],
  ['dst.hbone_addr', ({ dstHboneAddr }) => dstHboneAddr],
  ['dst.service', ({ dstService }) => dstService],
  ['dst.workload', ({ dstWorkload }) => dstWorkload],
  ['dst.namespace', ({ dstNamespace }) => dstNamespace],
  ['dst.identity', ({ dstIdentity }) => dstIdentity],
  ['dst.cluster', ({ dstCluster }) => dstCluster],
  ['direction', ({ direction }) => direction],
  ['bytes_sent', ({ bytesSent }) => bytesSent],
  ['bytes_recv', ({ bytesRecv }) => bytesRecv],
  ['duration', ({ durationMillis }) => `${Math.round(durationMillis)}ms`],
  ['error', ({ error }) => error],
];

/**
 * ztunnel's plain format: tab-separated time, level, target and message, then `key=value` with quoted text. It is a
 * hundredth of what a short connection costs, so that nothing is made for a field but its text.
 */
export function formatAccess(record: AccessRecord, now: number): string {
  const level = record.error === undefined ? 'info' : 'error';
  let line = `${new Date(now).toISOString()}\t${level}\taccess\tconnection complete\t`;
  let separator = '';
  for (const [name, of] of fields) {
    const value = of(record);
    if (value === undefined || value === '') continue;
    line += `${separator}${name}=${quoted(name, value)}`;
    separator = ' ';
  }
  return `${line}\n`;
}

/** Quoted, it is as it was. */
const plain = /^[\w.:/@-]{1,1000}$/;

/**
 * Numbers and addresses stand bare. Every other text is quoted, and so is a peer's that should be an address and is
 * not; nothing in it can begin a new line or a new field.
 */
function quoted(name: string, value: string | number): string {
  if (typeof value === 'number') return String(value);
  if (name.endsWith('addr') && /^[\w.:[\]-]{1,300}$/.test(value)) return value;
  return plain.test(value) ? `"${value}"` : terminalText(JSON.stringify(value.slice(0, 1000)));
}
