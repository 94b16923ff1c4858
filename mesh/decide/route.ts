import type { ExpectedNames } from '../identity/expected-names.ts';
import type { Workload } from '../records/workload.ts';

/**
 * One way to reach one endpoint. Everything that carrying it out needs is in it. Where mTLS is spoken, the innermost
 * peer's certificate must have been issued by the intermediate of `workload.cluster`.
 */
export type Route =
  | {
      readonly kind: 'plaintext';
      readonly workload: Workload;
      readonly address: string;
      readonly port: number;
    }
  | {
      readonly kind: 'hbone';
      readonly workload: Workload;
      readonly address: string;
      readonly port: number;
      readonly authority: string;
      /** Never empty. */
      readonly expect: ExpectedNames;
    }
  | {
      readonly kind: 'double-hbone';
      readonly workload: Workload;
      /** The outer tunnel's end, and whom to expect there. */
      readonly gateway: {
        readonly address: string;
        readonly port: number;
        readonly expect: ExpectedNames;
        /** Whose gateway it is: its intermediate must have issued the gateway's certificate. */
        readonly cluster: string;
      };
      /** Of both CONNECTs: `hostname:servicePort`. */
      readonly authority: string;
      /** Of the innermost peer. Never empty. */
      readonly expect: ExpectedNames;
      /** `cluster/region/zone` for the outer header `x-isthmus-target`. */
      readonly target: string;
    }
  | {
      readonly kind: 'istio-mtls';
      readonly workload: Workload;
      /** The pod itself, or the gateway's passthrough port when it is in another network. */
      readonly address: string;
      readonly port: number;
      /** `outbound_.<port>_._.<hostname>`, as Istio's sidecars name a passthrough. */
      readonly sni: string;
      /** Never empty. */
      readonly expect: ExpectedNames;
    };

/** Why no connection is made. Stable: logs, metrics and explanations carry it. */
export type OutboundRefusal =
  | 'UNKNOWN_SOURCE'
  | 'ILLEGAL_PORT'
  | 'UNKNOWN_HOST'
  | 'NO_SUCH_PORT'
  | 'NO_HEALTHY_UPSTREAM'
  | 'WAYPOINT_UNSUPPORTED'
  /** One side is in no mesh mode, and a network lies between. */
  | 'NO_MTLS'
  | 'PEER_CANNOT_TERMINATE'
  | 'NO_GATEWAY'
  /** No identity is known for the other end, so an impostor could not be recognised. */
  | 'NO_IDENTITY_KNOWN';
