/** Keys of a rule's conditions that a proxy judges by the connection alone. */
const l4Keys = new Set([
  'source.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'source.trustDomain',
  'destination.ip',
  'destination.port',
]);

/** Keys that belong to requests (Istio's security conditions). */
const requestKeys = new Set([
  'remote.ip',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
]);
const requestMaps =
  /^(request\.headers|request\.auth\.claims)\[.+\]$|^experimental\.envoy\.filters\..+\[.+\]$/;

/** Of a connection, and unknown to a proxy that has it from a tunnel. */
const envoyKey = 'connection.sni';

export const isL4Key = (key: string): boolean => l4Keys.has(key);
export const isRequestKey = (key: string): boolean => requestKeys.has(key) || requestMaps.test(key);
export const isAttribute = (key: string): boolean => isL4Key(key) || isRequestKey(key) || key === envoyKey;
