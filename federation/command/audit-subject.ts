/** Kinds of objects that entries of the audit log are about. */
export type AuditKind =
  | 'cluster'
  | 'exports'
  | 'failover'
  | 'intermediate'
  | 'joinToken'
  | 'operations'
  | 'outlived'
  | 'plan'
  | 'policy'
  | 'service';

declare const auditSubjectBrand: unique symbol;

/** `<kind>/<name>`, as it is stored and filtered by. */
export type AuditSubject = string & { readonly [auditSubjectBrand]: true };

/** The only maker of such a text. `name`: of the object; of a service `<namespace>/<name>`; of several their number. */
export const auditSubject = (kind: AuditKind, name: string | number): AuditSubject =>
  `${kind}/${name}` as AuditSubject;
