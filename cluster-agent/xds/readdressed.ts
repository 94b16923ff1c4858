import type { ChangeSet } from '../keys/change-set.ts';
import type { ProxyClient } from './proxy-client.ts';

/**
 * Keys of services whose virtual addresses may be others at a client once these keys were touched; undefined: those of
 * any service. Whether a service has addresses is not in its record: a headless one has none.
 */
export function readdressedBy(keys: ChangeSet): (client: ProxyClient) => readonly string[] | undefined {
  const clients = new Set<string>();
  const services: string[] = [];
  let isNetworkTouched = false;
  for (const key of keys) {
    if (key.kind === 'vips') clients.add(key.client);
    if (key.kind === 'service') services.push(key.service);
    isNetworkTouched ||= key.kind === 'network';
  }
  return ({ key }) => (isNetworkTouched || clients.has(key) ? undefined : services);
}
