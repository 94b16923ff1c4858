/** The type URLs on the workload API's delta stream. */
export const typeUrls = {
  address: 'type.googleapis.com/istio.workload.Address',
  authorization: 'type.googleapis.com/istio.security.Authorization',
  trustBundle: 'type.googleapis.com/isthmus.mesh.v1.TrustBundle',
  intermediate: 'type.googleapis.com/isthmus.mesh.v1.Intermediate',
} as const;

/** What a proxy of ours asks for, in the order in which it is sent: who is trusted, what is allowed, who is there. */
export const proxyTypes: readonly string[] = [
  ...[typeUrls.trustBundle, typeUrls.intermediate],
  ...[typeUrls.authorization, typeUrls.address],
];

/** What an upstream proxy asks for. */
export const upstreamTypes: readonly string[] = [typeUrls.authorization, typeUrls.address];
