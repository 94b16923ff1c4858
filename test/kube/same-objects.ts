import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { Resource } from '@isthmus/api/kube/api-server.ts';
import type { ClusterObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { Holding, settle } from '@isthmus/cluster-agent/source/files/holding.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');

/** Manifests of this repository, and those of others that ISTHMUS_FOREIGN_MANIFESTS names. */
export function manifestTexts(): ReadonlyMap<string, string> {
  const foreign = (process.env['ISTHMUS_FOREIGN_MANIFESTS'] ?? '').split(':').filter((one) => one !== '');
  if (foreign.length === 0)
    console.warn('      manifests of others were left out: ISTHMUS_FOREIGN_MANIFESTS names no folder');
  const files = [
    ...['sandbox/clusters/*.yaml', 'test/manifests/*.yaml', 'test/golden/cluster.yaml'].flatMap((one) =>
      globSync(join(root, one)),
    ),
    ...foreign.flatMap((folder) => globSync(join(folder, '**/*.{yaml,yml}'))),
  ];
  // An API server takes no endpoints on loopback.
  return new Map(files.map((file) => [file, readFileSync(file, 'utf8').replaceAll('127.N.', '10.64.')]));
}

interface Loose {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly status?: unknown;
}

/** An object of a manifest, in the resource that it is watched as. */
export interface Written {
  readonly resource: Resource;
  readonly namespace: string;
  readonly object: Loose;
}

/** The objects of kinds that are watched, the first of each id. */
export function writtenIn(text: string): readonly Written[] {
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as Loose | null)
    .filter((one) => one !== null);
  const all = objects.flatMap((object) => {
    const [group = '', version = ''] = object.apiVersion.includes('/')
      ? object.apiVersion.split('/')
      : ['', object.apiVersion];
    const kind = watched.find((one) => one.resource.kind === object.kind && one.resource.group === group);
    if (!kind) return [];
    const namespace = kind.resource.isNamespaced ? (object.metadata.namespace ?? 'default') : '';
    const metadata = kind.resource.isNamespaced ? { ...object.metadata, namespace } : object.metadata;
    return [{ resource: { ...kind.resource, version }, namespace, object: { ...object, metadata } }];
  });
  return [
    ...new Map(
      all.map((one) => [`${one.resource.kind}/${one.namespace}/${one.object.metadata.name}`, one]),
    ).values(),
  ];
}

/** The view of a folder with this one file: what allocates addresses and starts pods is left out. */
export function viewOfFile(text: string): ClusterView {
  const holding = new Holding();
  holding.set('a.yaml', settle(undefined, readManifests(text, 'a.yaml')));
  const view = new ClusterView();
  view.apply([...holding.take(), { type: 'synced' }]);
  return view;
}

/** What both views have to say alike. `ids`: what the API server adds by itself is left out. */
export function comparable(view: ClusterView, ids: ReadonlySet<string>): unknown {
  const objects = [...ids].sort().map((id) => [id, plain(view.byId(id))] as const);
  const rejections = [...view.rejections].filter(({ code }) => code !== 'SKIPPED').map(withoutPlace);
  return { objects, rejections };
}

/** Without what an API server gives an object. */
function plain(object: ClusterObject | undefined): unknown {
  if (!object) return undefined;
  const { metadata, ...rest } = object;
  const { labels, annotations, name, namespace } = metadata;
  const own = Object.fromEntries(Object.entries(labels).filter(([key]) => !isAdded(key, rest.kind)));
  return { ...withoutAllocated(rest), metadata: { labels: own, annotations, name, namespace } };
}

/** The addresses of services are the API server's, or allocated by the source; the families that none names are its own. */
function withoutAllocated(fields: Omit<ClusterObject, 'metadata'>): object {
  if (fields.kind !== 'Service') return fields;
  const { clusterIPs, headless } = fields as ServiceObject;
  return { ...fields, clusterIPs: headless ? clusterIPs : [], ipFamilies: 'AUTOMATIC' };
}

/** Labels that the API server adds: to a namespace its name, to a pod the zone of its node. */
const isAdded = (label: string, kind: string): boolean =>
  label === 'kubernetes.io/metadata.name' || (kind === 'Pod' && label.startsWith('topology.kubernetes.io/'));

const withoutPlace = ({ code, severity, object, field, message }: Rejection) => ({
  code,
  severity,
  object,
  field,
  message,
});
