/** An object that was refused or skipped: which, where in it, why and what to do. */
export interface Rejection {
  /** `<kind> <namespace>/<name>`, or the file when nothing could be read of it. */
  readonly object: string;
  /** Path within the object, e.g. `spec.ports[0].port`; '' when it is the whole. */
  readonly field: string;
  readonly reason: string;
}

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  /** 0: a named target port. */
  readonly targetPort: number;
  readonly appProtocol: string;
}

/** Endpoints of one service in one place that are reached in one way. */
export interface EndpointGroup {
  readonly region: string;
  readonly zone: string;
  readonly transport: 'hbone' | 'istio-mtls' | 'plaintext';
  readonly total: number;
  readonly healthy: number;
  /** Their proxies are Istio's own ztunnels, which terminate no Istio mTLS; absent: they do. */
  readonly hboneOnly?: true;
}
