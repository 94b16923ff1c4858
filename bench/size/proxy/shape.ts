/** What a proxy knows in the bench, and the one pod that it serves. */
export interface World {
  readonly workloads: number;
  readonly services: number;
  /** Virtual addresses, one for each service, which the proxy listens on. */
  readonly vips: readonly string[];
  /** The address of the pod, and where its application listens. */
  readonly pod: string;
  readonly application: string;
}

export const network = 'network-east';
export const node = 'n-local';
export const policyKey = 'shop/not-nobody';
/** Of the pod and its application. */
export const port = 8080;
