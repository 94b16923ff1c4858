/** What is compared of a gateway. */
export interface GatewayPorts {
  readonly ready: boolean;
  /** 0: it takes no HBONE. */
  readonly hbonePort: number;
  /** 0: it has no SNI passthrough. */
  readonly passthroughPort: number;
}

/**
 * The gateways through which endpoints of another network are reached: HBONE by one that takes it, Istio mTLS by one
 * with passthrough, plaintext by none.
 */
export function gatewaysFor<G extends GatewayPorts>(
  transport: 'hbone' | 'istio-mtls' | 'plaintext',
  gateways: readonly G[],
): readonly G[] {
  switch (transport) {
    case 'hbone':
      return gateways.filter(({ ready, hbonePort }) => ready && hbonePort > 0);
    case 'istio-mtls':
      return gateways.filter(({ ready, passthroughPort }) => ready && passthroughPort > 0);
    case 'plaintext':
      return [];
  }
}
