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

declare const serviceKeyBrand: unique symbol;

/** A service over all clusters that have it: `<namespace>/<name>`. */
export type ServiceKey = string & { readonly [serviceKeyBrand]: true };

/** The parts of a service's key. */
export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** What an acknowledgement is about: `policy/<name>`, `intermediate/<key id>` or `diversion/<id>` (a traffic shift). */
export type Subject = string;

export const formatServiceKey = ({ namespace, name }: ServiceName): ServiceKey =>
  `${namespace}/${name}` as ServiceKey;

/** Undefined for what is no key. */
export function parseServiceKey(text: string): ServiceKey | undefined {
  const end = text.indexOf('/');
  const isKey = end > 0 && end < text.length - 1 && !text.includes('/', end + 1);
  return isKey ? (text as ServiceKey) : undefined;
}

export function serviceNameOf(key: ServiceKey): ServiceName {
  const end = key.indexOf('/');
  return { namespace: key.slice(0, end), name: key.slice(end + 1) };
}

const subjectTypes = ['policy', 'intermediate', 'diversion'] as const;

/** What is acknowledged. */
export type SubjectType = (typeof subjectTypes)[number];

/** Whether resources of a type that goes down are acknowledged by the proxies of a cluster. */
export const isSubjectType = (type: string): type is SubjectType => subjectTypes.some((one) => one === type);

/** `name`: a policy's name, an intermediate's key id, a traffic shift's id. */
export const formatSubject = (type: SubjectType, name: string): Subject => `${type}/${name}`;

/** What an acknowledgement is about; undefined for what is not a subject, as of a newer agent. */
export function parseSubject(
  subject: Subject,
): { readonly type: SubjectType; readonly name: string } | undefined {
  const end = subject.indexOf('/');
  const type = subjectTypes.find((one) => one === subject.slice(0, Math.max(0, end)));
  return type && { type, name: subject.slice(end + 1) };
}
