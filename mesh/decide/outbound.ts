import type { Workload } from '../state/workload.ts';

/** One way to reach one endpoint. Everything that carrying it out needs is in it. */
export type Route =
  | { readonly kind: 'plaintext'; readonly workload: Workload; readonly address: string; readonly port: number }
  | {
      readonly kind: 'hbone';
      readonly workload: Workload;
      readonly address: string;
      readonly port: number;
      readonly authority: string;
      readonly expect: readonly string[];
    }
  | {
      readonly kind: 'double-hbone';
      readonly workload: Workload;
      readonly gateway: { readonly address: string; readonly port: number; readonly expect: readonly string[] };
      /** Of both CONNECTs: `hostname:servicePort`. */
      readonly authority: string;
      /** SPIFFE IDs of which the innermost peer must bear one. Never empty. */
      readonly expect: readonly string[];
      /** `cluster/region/zone` for the outer header `x-isthmus-target`. */
      readonly target: string;
    }
  | {
      readonly kind: 'istio-mtls';
      readonly workload: Workload;
      /** The pod itself, or the gateway's passthrough port when it is in another network. */
      readonly address: string;
      readonly port: number;
      /** `outbound_.<port>_._.<hostname>` (protocols 7.3). */
      readonly sni: string;
      readonly expect: readonly string[];
    };
