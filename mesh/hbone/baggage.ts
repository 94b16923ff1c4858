import type { Locality } from '../records/locality.ts';
import type { Workload } from '../records/workload.ts';

/** What a peer says of its own workload: for logs and metrics only, as nothing proves it. */
export interface Baggage {
  readonly cluster: string;
  readonly namespace: string;
  readonly workloadName: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  readonly locality: Pick<Locality, 'region' | 'zone'>;
}

/** Longest header that is read. */
const maxBytes = 4096;

/** A workload says the same in each CONNECT, and is another object when it changes. */
const encoded = new WeakMap<Workload, string>();

/** Istio's order and keys; what is unknown is left out. */
export function encodeBaggage(workload: Workload): string {
  const known = encoded.get(workload) ?? encode(workload);
  encoded.set(workload, known);
  return known;
}

function encode(workload: Workload): string {
  const items: readonly (readonly [string, string])[] = [
    ['k8s.cluster.name', workload.cluster],
    ['k8s.namespace.name', workload.namespace],
    [`k8s.${workload.workloadType.toLowerCase()}.name`, workload.workloadName],
    ['service.name', workload.canonicalName],
    ['service.version', workload.canonicalRevision],
    ['cloud.region', workload.locality.region],
    ['cloud.availability_zone', workload.locality.zone],
  ];
  return items
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** Of what is longer than 4,096 characters the rest is not read. */
export const parseBaggage = (text = ''): Baggage => (text === '' ? nothingSaid : parse(text));

function parse(text: string): Baggage {
  const items = new Map<string, string>();
  for (const item of text.slice(0, maxBytes).split(',')) {
    const equals = item.indexOf('=');
    if (equals > 0) items.set(item.slice(0, equals).trim(), printable(item.slice(equals + 1).trim()));
  }
  const get = (key: string) => items.get(key) ?? '';
  const kinds = ['deployment', 'cronjob', 'pod', 'job'].map((kind) => get(`k8s.${kind}.name`));
  return {
    cluster: get('k8s.cluster.name'),
    namespace: get('k8s.namespace.name'),
    workloadName: kinds.find((name) => name !== '') ?? '',
    canonicalName: get('service.name'),
    canonicalRevision: get('service.version'),
    locality: { region: get('cloud.region'), zone: get('cloud.availability_zone') },
  };
}

const nothingSaid = parse('');

/** A peer's text goes into logs and labels: only characters of names are kept. */
const printable = (text: string): string => text.replace(/[^\w.\-/: ]/g, '').slice(0, 253);
