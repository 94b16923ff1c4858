import type { ClusterName, ServiceKey } from './names.ts';

/** One service of one cluster, as other clusters receive it. */
export interface RemoteName {
  readonly cluster: ClusterName;
  readonly service: ServiceKey;
}

/** `<cluster>/<namespace>/<name>`. */
export const formatRemoteName = ({ cluster, service }: RemoteName): string => `${cluster}/${service}`;

/** Undefined for what is no such name. */
export function parseRemoteName(text: string): RemoteName | undefined {
  const parts = text.split('/');
  const [cluster = '', namespace = '', name = ''] = parts;
  return parts.length === 3 && !parts.includes('') ? { cluster, service: `${namespace}/${name}` } : undefined;
}
