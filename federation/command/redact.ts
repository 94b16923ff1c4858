import { createHash } from 'node:crypto';

/** Makes a copy of a value as the audit log may keep it: plain JSON without secrets, times in ISO 8601. */
export type Redact = (value: unknown) => unknown;

/** A text with the secrets in it replaced by their hashes. */
export type RedactText = (text: string) => string;

/** `sha256:` and the hash of a secret in hex: two entries about one secret can be matched, and neither reveals it. */
export const hashed = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** Secrets that have a form of their own, wherever a person has put them: join tokens, and private keys in PEM. */
const recognised = [
  /isthmus-join\.v\d+\.[A-Za-z0-9_-]+/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)/g,
];

/** Of fields whose value is a secret by their name. */
const secretField =
  /^(secret|token|password|passphrase|apiKey)$|(Secret|Token|Password|PrivateKey)$|^(privateKey|sealed)/;

/** Some field of it is a secret by its name. */
export const hasSecret = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).some(([key, one]) => secretField.test(key) || hasSecret(one));

/** Of fields that hold epoch milliseconds. */
const timeField = /^at$|[a-z]At$|[dD]eadline$|^notAfter$/;

/** `known`: secrets that the hub itself has, which have no form of their own: the admin token. */
export function textRedaction(known: readonly string[]): RedactText {
  return (text) => {
    let clean = text;
    for (const secret of known)
      if (secret !== '' && clean.includes(secret)) clean = clean.replaceAll(secret, hashed(secret));
    for (const form of recognised) clean = clean.replace(form, hashed);
    return clean;
  };
}

export function redaction(text: RedactText): Redact {
  const copy = (value: unknown, field: string): unknown => {
    // A join token is stored as the hash of its secret, which this shows as the hash that a join is recorded with.
    if (field === 'secretHash' && typeof value === 'string') return `sha256:${value}`;
    if (typeof value === 'string')
      return value !== '' && secretField.test(field) ? hashed(value) : text(value);
    if (typeof value === 'number') return timeField.test(field) ? iso(value) : value;
    if (typeof value !== 'object') return value;
    if (value === null) return null;
    if (secretField.test(field)) return hashed(JSON.stringify(value));
    if (Array.isArray(value)) return value.map((one: unknown) => copy(one, '') ?? null);
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, one]) => one !== undefined)
        .map(([key, one]) => [text(key), copy(one, key)]),
    );
  };
  return (value) => copy(value, '') ?? null;
}

/** What is not a time of this calendar stays the number that it is. */
const iso = (millis: number): string | number =>
  Number.isFinite(millis) && Math.abs(millis) <= 8.64e15 ? new Date(millis).toISOString() : millis;
