import { parseServiceKey, type ClusterName, type ServiceKey } from './names.ts';

/** One service of one cluster, as other clusters receive it. */
export interface RemoteName {
  readonly cluster: ClusterName;
  readonly service: ServiceKey;
}

/** `<cluster>/<namespace>/<name>`. */
export const formatRemoteName = ({ cluster, service }: RemoteName): string => `${cluster}/${service}`;

/** Undefined for what is no such name. */
export function parseRemoteName(text: string): RemoteName | undefined {
  const end = text.indexOf('/');
  const service = parseServiceKey(text.slice(end + 1));
  return end > 0 && service !== undefined ? { cluster: text.slice(0, end), service } : undefined;
}
