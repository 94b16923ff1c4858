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
