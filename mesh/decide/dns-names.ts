import { clusterDomain } from './host-names.ts';

/** A name that a client may have meant by the one that it asked for. */
export interface MeantName {
  readonly name: string;
  /** The name that was asked for without the search domain that was found at its end; undefined: it is whole. */
  readonly stripped: string | undefined;
}

/** What resolvers in pods append where nobody says otherwise, as Kubernetes writes it into their resolv.conf. */
export const podSearch = (namespace: string): readonly string[] => [
  `${namespace}.svc.${clusterDomain}`,
  `svc.${clusterDomain}`,
  clusterDomain,
];

/**
 * The names that a client may mean, in the order in which they are looked for (ztunnel, `get_aliases`): as asked, that
 * completed as Kubernetes completes names, and both again without each search domain, which its resolver has appended.
 * Takes and gives names in lower case without a dot at the end.
 */
export function meantNames(
  asked: string,
  namespace: string,
  search: readonly string[],
): readonly MeantName[] {
  const meant = new Map<string, MeantName>();
  const add = (name: string, stripped: string | undefined) => {
    if (!meant.has(name)) meant.set(name, { name, stripped });
  };
  add(asked, undefined);
  for (const name of completions(asked, namespace)) add(name, undefined);
  for (const domain of search) {
    const stripped = withoutDomain(asked, domain);
    if (stripped === undefined) continue;
    add(stripped, stripped);
    for (const name of completions(stripped, namespace)) add(name, stripped);
  }
  return [...meant.values()];
}

/** A name and the wildcards that cover it, the most specific first: `a.b.c`, `*.b.c`, `*.c`. */
export function coveringNames(name: string): readonly [string, ...string[]] {
  const found: [string, ...string[]] = [name];
  for (let at = name.indexOf('.'); at >= 0; at = name.indexOf('.', at + 1)) found.push(`*${name.slice(at)}`);
  return found;
}

/** True for names within the domain of the cluster's services. */
export const isOfCluster = (hostname: string): boolean => hostname.endsWith(`.svc.${clusterDomain}`);

/** Only forms that a service, or a host of a pod, may have with so many labels (ztunnel, `to_kube_fqdns`). */
function completions(name: string, namespace: string): readonly string[] {
  const labels = name.split('.');
  const svc = `svc.${clusterDomain}`;
  const isSvc = labels.length > 1 && labels.at(-1) === 'svc';
  switch (labels.length) {
    case 1:
      return [`${name}.${namespace}.${svc}`];
    case 2:
      return [`${name}.${svc}`, `${name}.${namespace}.${svc}`];
    case 3:
      return [...(isSvc ? [`${name}.${clusterDomain}`] : []), `${name}.${svc}`];
    case 4:
      return isSvc ? [`${name}.${clusterDomain}`] : [];
    default:
      return [];
  }
}

/** The labels before a domain; undefined where it is not at the end, or nothing stands before it. */
export const withoutDomain = (name: string, domain: string): string | undefined =>
  domain !== '' && name.length > domain.length + 1 && name.endsWith(`.${domain}`)
    ? name.slice(0, -domain.length - 1)
    : undefined;
