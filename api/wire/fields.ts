import {
  defaultTrustDomain,
  parseTrustDomain,
  parseWorkloadIdentity,
  type TrustDomain,
} from '@isthmus/mesh/identity/spiffe-id.ts';
import { canonicalAddress } from '@isthmus/mesh/net/cidr.ts';
import { isDnsName, isLabel, isToken, labelRule } from '../domain/names.ts';

const longestSentence = 2_000;

/** What a peer wrote, cut and escaped, for a sentence. */
const shown = (value: string): string => JSON.stringify(value.slice(0, 60));

/**
 * Reads the fields of one decoded message and remembers the first that is wrong. It never throws, so a decoder is
 * one expression: every reader gives a value of the right type, and the whole is thrown away when one was refused.
 */
export class Fields {
  #problem: string | undefined;

  get problem(): string | undefined {
    return this.#problem;
  }

  refuse(field: string, why: string): void {
    this.#problem ??= `${field}: ${why}`;
  }

  /** Text that may not be empty. */
  text(field: string, value: string): string {
    if (value === '') this.refuse(field, 'is missing');
    return value;
  }

  /** An RFC 1123 label, as Kubernetes names namespaces and services. */
  label(field: string, value: string): string {
    if (!isLabel(value)) this.refuse(field, `${shown(value)} is not a DNS label: it ${labelRule}`);
    return value;
  }

  /** An RFC 1123 subdomain. */
  dnsName(field: string, value: string): string {
    if (!isDnsName(value)) this.refuse(field, `${shown(value)} is not a DNS name`);
    return value;
  }

  /** Printable ASCII without spaces. */
  token(field: string, value: string): string {
    if (!isToken(value))
      this.refuse(field, `${shown(value)} is not 1 to 253 printable ASCII characters without spaces`);
    return value;
  }

  tokenOrNone(field: string, value: string): string {
    return value === '' ? value : this.token(field, value);
  }

  /** Free text from a peer, as one line: control characters become spaces, and what is too long is cut. */
  sentence(value: string): string {
    const line = value.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ');
    return line.length > longestSentence ? `${line.slice(0, longestSentence)}…` : line;
  }

  /** An IP address in canonical form. */
  address(field: string, value: string): string {
    const address = canonicalAddress(value);
    if (address === undefined) this.refuse(field, `${shown(value)} is not an IP address`);
    return address ?? '0.0.0.0';
  }

  trustDomain(field: string, value: string): TrustDomain {
    const parsed = parseTrustDomain(value);
    if (parsed.ok) return parsed.value;
    this.refuse(field, parsed.error);
    return defaultTrustDomain;
  }

  /** The SPIFFE ID of a workload; with a namespace, of a workload in it. */
  identity(field: string, value: string, namespace?: string): string {
    const identity = parseWorkloadIdentity(value);
    if (!identity.ok) this.refuse(field, `${shown(value)}: ${identity.error}`);
    else if (namespace !== undefined && identity.value.namespace !== namespace)
      this.refuse(field, `${shown(value)} is not an identity of namespace ${shown(namespace)}`);
    return value;
  }

  /** A number that every reader can hold: 0 to 2,147,483,647. */
  count32(field: string, value: number): number {
    return this.upTo(field, value, 2 ** 31 - 1);
  }

  /** A list with a bound. */
  list<T>(field: string, values: readonly T[], max: number): readonly T[] {
    if (values.length > max) this.refuse(field, `${values.length} elements are more than ${max}`);
    return values;
  }

  /** 1 to 65535. */
  port(field: string, value: number): number {
    if (value < 1 || value > 65_535) this.refuse(field, `${value} is not a port`);
    return value;
  }

  /** 0 to 65535, 0 having a meaning of its own. */
  portOrZero(field: string, value: number): number {
    return value === 0 ? value : this.port(field, value);
  }

  upTo(field: string, value: number, max: number): number {
    if (value > max) this.refuse(field, `${value} is more than ${max}`);
    return value;
  }

  /** A 64-bit number that a program can count with. */
  count(field: string, value: bigint): number {
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) this.refuse(field, `${value} is out of range`);
    return Number(value);
  }

  /** The name of an enum's number; an unknown number is refused, as a newer peer means something by it. */
  name<T extends string>(field: string, value: number, numbers: Readonly<Record<T, number>>): T {
    const names = Object.keys(numbers) as T[];
    const name = names.find((known) => numbers[known] === value);
    if (name === undefined) this.refuse(field, `${value} is not one of ${names.join(', ')}`);
    return name ?? (names[0] as T);
  }

  /** One of a closed set of words. */
  word<T extends string>(field: string, value: string, words: readonly [T, ...T[]]): T {
    const word = words.find((known) => known === value);
    if (word === undefined) this.refuse(field, `'${value.slice(0, 40)}' is not one of ${words.join(', ')}`);
    return word ?? words[0];
  }

  /** A message that must be there. */
  required<T>(field: string, value: T | undefined, absent: T): T {
    if (value === undefined) this.refuse(field, 'is missing');
    return value ?? absent;
  }
}
