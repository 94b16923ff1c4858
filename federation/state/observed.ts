import type { Link } from '@isthmus/api/domain/cluster.ts';
import type { Condition, EndpointGroup, Rejection, ServicePort } from '@isthmus/api/domain/observation.ts';

/** One service of one cluster as its agent reports it, joined with the endpoint counts of its health report. */
export interface ObservedService {
  readonly namespace: string;
  readonly name: string;
  readonly hostname: string;
  readonly ports: readonly ServicePort[];
  readonly exportRequested: boolean;
  readonly subjectAltNames: readonly string[];
  readonly conditions: readonly Condition[];
  readonly groups: readonly EndpointGroup[];
}

export interface ObservedGateway {
  readonly name: string;
  readonly network: string;
  readonly address: string;
  readonly hbonePort: number;
  readonly passthroughPort: number;
  readonly spiffeId: string;
  readonly region: string;
  readonly zone: string;
  readonly ready: boolean;
}

/** What the agent says of something that the hub sent down, once every connected proxy has acknowledged it. */
export interface Applied {
  /** `policy/<name>`, `intermediate/<key id>` or `diversion/<id>`. */
  readonly subject: string;
  readonly version: string;
  readonly state: 'APPLIED' | 'PENDING' | 'REJECTED';
  readonly message: string;
  readonly proxies: number;
}

/** Everything that is observed of one cluster. Outside the revision sequence; has its own `asOf`. */
export interface Shard {
  readonly cluster: string;
  readonly link: Link;
  /** Epoch milliseconds of the newest report in it. */
  readonly asOf: number;
  /** The agent has finished its initial sync in this epoch of the hub; until then nothing of it is removed anywhere. */
  readonly synced: boolean;
  readonly agentVersion: string;
  readonly network: string;
  readonly nodes: readonly { readonly name: string; readonly region: string; readonly zone: string }[];
  readonly workloadsByMode: Readonly<Record<string, number>>;
  readonly proxiesConnected: number;
  readonly clockSkewMillis: number;
  readonly conditions: readonly Condition[];
  readonly rejections: readonly Rejection[];
  readonly services: ReadonlyMap<string, ObservedService>;
  readonly gateways: ReadonlyMap<string, ObservedGateway>;
  readonly applied: ReadonlyMap<string, Applied>;
}
