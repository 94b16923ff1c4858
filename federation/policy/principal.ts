/** What a workload's principal is made of, `''` where a name stands. */
const form = ['', 'ns', '', 'sa', ''] as const;

const like = '<trust domain>/ns/<namespace>/sa/<name>';

/**
 * Why no workload can match a principal of a policy: `*`, or an identity, perhaps cut off at its beginning or its end
 * where a `*` stands. Undefined when one can.
 */
export function checkPrincipal(
  principal: string,
  trustDomains: readonly string[],
): PrincipalRefusal | undefined {
  const why = malformed(principal);
  if (why !== undefined) return { code: 'INVALID', message: why };
  return principal === '*' ? undefined : unknownDomain(principal, trustDomains);
}

/** Why a principal is refused. NOT_FOUND: its form is right, and its trust domain is not known. */
export interface PrincipalRefusal {
  readonly code: 'INVALID' | 'NOT_FOUND';
  readonly message: string;
}

function malformed(principal: string): string | undefined {
  if (principal.startsWith('spiffe://')) return 'a principal is written without spiffe://';
  if (principal === '' || principal.length > 2048) return 'a principal has 1 to 2,048 characters';
  const shown = `'${principal.slice(0, 60)}'`;
  if (principal === '*') return undefined;
  if (!/^(\*[A-Za-z0-9._/-]+|[A-Za-z0-9._/-]+\*?)$/.test(principal))
    return `${shown} is not ${like}, with at most one * at its beginning or its end`;
  if (principal.startsWith('*'))
    return endsIdentity(principal.slice(1)) ? undefined : `no ${like} ends like ${shown}`;
  if (principal.endsWith('*'))
    return beginsIdentity(principal.slice(0, -1)) ? undefined : `no ${like} begins like ${shown}`;
  return isIdentity(principal) ? undefined : `${shown} is not ${like}`;
}

/** Takes a principal of the right form. One that is cut off at its beginning may be of any trust domain. */
function unknownDomain(principal: string, trustDomains: readonly string[]): PrincipalRefusal | undefined {
  if (principal.startsWith('*')) return undefined;
  const isPrefix = principal.endsWith('*');
  const [domain = '', ...rest] = (isPrefix ? principal.slice(0, -1) : principal).split('/');
  const isKnown =
    isPrefix && rest.length === 0
      ? trustDomains.some((known) => known.startsWith(domain))
      : trustDomains.includes(domain);
  return isKnown ? undefined : { code: 'NOT_FOUND', message: `no trust domain '${domain}' is known` };
}

function isIdentity(text: string): boolean {
  const parts = text.split('/');
  return (
    parts.length === form.length &&
    parts.every((part, i) => (form[i] === '' ? part !== '' : part === form[i]))
  );
}

/** Every part is whole but the last, which is the beginning of what may stand there. */
function beginsIdentity(text: string): boolean {
  const parts = text.split('/');
  const last = parts.length - 1;
  return (
    parts.length <= form.length &&
    parts.every((part, i) => {
      const wanted = form[i] ?? '';
      if (wanted === '') return i === last || part !== '';
      return i === last ? wanted.startsWith(part) : part === wanted;
    })
  );
}

function endsIdentity(text: string): boolean {
  const parts = text.split('/').reverse();
  const reversed = [...form].reverse();
  const last = parts.length - 1;
  return (
    parts.length <= form.length &&
    parts.every((part, i) => {
      const wanted = reversed[i] ?? '';
      if (wanted === '') return part !== '' || (i === last && i > 0);
      return i === last ? wanted.endsWith(part) : part === wanted;
    })
  );
}
