/** RFC 1123 label: what clusters, namespaces, policies and services are named. */
export const isLabel = (text: string): boolean => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text);

export const labelRule =
  'has 1 to 63 lower-case letters, digits and dashes, and begins and ends with a letter or digit';

/** RFC 1123 subdomain: labels joined by dots, 253 characters at most. */
export const isDnsName = (text: string): boolean =>
  text.length <= 253 && text.split('.').every((label) => isLabel(label));

/** Printable ASCII without spaces: regions, zones, versions, networks. Nothing in it ends a line or moves a cursor. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,253}$/.test(text);

/** A cluster's name, which is an RFC 1123 label. */
export type ClusterName = string;

/** A service over all clusters that have it: `<namespace>/<name>`. */
export type ServiceKey = string;

/** What an acknowledgement is about: `policy/<name>`, `intermediate/<key id>` or `diversion/<id>`. */
export type Subject = string;

/** Namespace and name of a key; both are '' for what is none. */
export function parseServiceKey(key: ServiceKey): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = '', ...more] = key.split('/');
  return more.length === 0 ? { namespace, name } : { namespace: '', name: '' };
}

/** The type and the name of what an acknowledgement is about; both are '' for what is no subject. */
export function parseSubject(subject: Subject): { readonly type: string; readonly name: string } {
  const end = subject.indexOf('/');
  return end < 0 ? { type: '', name: '' } : { type: subject.slice(0, end), name: subject.slice(end + 1) };
}
