/** One PEM block (RFC 7468). */
export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** The blocks with that label, in order; text between blocks is passed over. */
export function fromPem(label: string, text: string): Buffer[] {
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g);
  return [...blocks]
    .filter(([, found]) => found === label)
    .map(([, , body = '']) => Buffer.from(body, 'base64'));
}

/** Splits a text of several certificates into one PEM each. */
export const splitPem = (text: string): string[] =>
  fromPem('CERTIFICATE', text).map((der) => toPem('CERTIFICATE', der));
