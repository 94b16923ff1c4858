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
  const first = text.indexOf('/');
  const second = text.indexOf('/', first + 1);
  const isWhole = first > 0 && second > first + 1 && second < text.length - 1;
  if (!isWhole || text.includes('/', second + 1)) return undefined;
  return { cluster: text.slice(0, first), service: text.slice(first + 1) };
}
