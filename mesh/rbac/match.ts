import type { Match, StringMatch } from './authorization.ts';

const nothing: Match = Object.freeze({
  namespaces: [],
  notNamespaces: [],
  principals: [],
  notPrincipals: [],
  sourceIps: [],
  notSourceIps: [],
  destinationIps: [],
  notDestinationIps: [],
  destinationPorts: [],
  notDestinationPorts: [],
  serviceAccounts: [],
  notServiceAccounts: [],
});

/** A match with some attributes set. */
export const match = (attributes: Partial<Match>): Match => ({ ...nothing, ...attributes });

/** Istio's forms of a text condition: `*`, `*suffix`, `prefix*`, or the text itself. */
export function stringMatch(text: string): StringMatch {
  if (text === '*') return { kind: 'presence' };
  if (text.startsWith('*')) return { kind: 'suffix', value: text.slice(1) };
  if (text.endsWith('*')) return { kind: 'prefix', value: text.slice(0, -1) };
  return { kind: 'exact', value: text };
}
