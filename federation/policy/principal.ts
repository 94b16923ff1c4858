/** What a workload's principal is made of, `''` where a name stands. */
const form = ['', 'ns', '', 'sa', ''] as const;

const like = '<trust domain>/ns/<namespace>/sa/<name>';

/**
 * Why no workload can match a principal of a policy: `*`, or an identity, perhaps cut off at its beginning or its end
 * where a `*` stands. Undefined when one can.
 */
export function checkPrincipal(principal: string, trustDomains: readonly string[]): string | undefined {
  if (principal.startsWith('spiffe://')) return 'a principal is written without spiffe://';
  if (principal === '' || principal.length > 2048) return 'a principal has 1 to 2,048 characters';
  const shown = `'${principal.slice(0, 60)}'`;
  if (principal === '*') return undefined;
  if (!/^(\*[A-Za-z0-9._/-]+|[A-Za-z0-9._/-]+\*?)$/.test(principal))
    return `${shown} is not ${like}, with at most one * at its beginning or its end`;
  if (principal.startsWith('*'))
    return endsIdentity(principal.slice(1)) ? undefined : `no ${like} ends like ${shown}`;
  const isPrefix = principal.endsWith('*');
  const text = isPrefix ? principal.slice(0, -1) : principal;
  const fits = isPrefix ? beginsIdentity(text) : isIdentity(text);
  if (!fits) return isPrefix ? `no ${like} begins like ${shown}` : `${shown} is not ${like}`;
  const [domain = '', ...rest] = text.split('/');
  const isKnown =
    isPrefix && rest.length === 0
      ? trustDomains.some((known) => known.startsWith(domain))
      : trustDomains.includes(domain);
  return isKnown ? undefined : `no trust domain '${domain}' is known`;
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
