/** A pod that the proxy serves: its address, and where its application listens. */
export interface ServedPod {
  readonly address: string;
  readonly application: string;
}

/** What a proxy knows in the bench. */
export interface World {
  readonly workloads: number;
  readonly services: number;
  /** Virtual addresses, one for each service, which the proxy listens on. */
  readonly vips: readonly string[];
  /** Several: from one address a proxy dials with 16,384 ports. */
  readonly pods: readonly ServedPod[];
}

export const network = 'network-east';
export const node = 'n-local';
export const policyKey = 'shop/not-nobody';
/** Of each pod and its application. */
export const port = 8080;
