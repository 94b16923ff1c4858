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

const subjectTypes = ['policy', 'intermediate', 'diversion'] as const;

/** What is acknowledged. */
export type SubjectType = (typeof subjectTypes)[number];

/** `name`: a policy's name, an intermediate's key id, a diversion's id. */
export const formatSubject = (type: SubjectType, name: string): Subject => `${type}/${name}`;

/** What an acknowledgement is about; undefined for what is no subject, as of a newer agent. */
export function parseSubject(
  subject: Subject,
): { readonly type: SubjectType; readonly name: string } | undefined {
  const end = subject.indexOf('/');
  const type = subjectTypes.find((one) => one === subject.slice(0, Math.max(0, end)));
  return type && { type, name: subject.slice(end + 1) };
}
