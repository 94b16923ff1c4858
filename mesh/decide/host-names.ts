/** The DNS domain of the services of Kubernetes. A trust domain has the same name by default, and is another thing. */
export const clusterDomain = 'cluster.local';

/**
 * The full names that a client in a namespace may mean by a host name, in order: as
 * written, then `<name>`, `<name>.<namespace>` and `<name>.<namespace>.svc` completed.
 */
export function namesMeant(hostname: string, namespace: string): readonly string[] {
  const written = hostname.toLowerCase().replace(/\.$/, '');
  // A dot at the end says that the name is whole.
  if (hostname.endsWith('.') || written === '') return [written];
  const completed = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return [written, ...completed.map((rest) => `${written}.${rest}`)];
}
