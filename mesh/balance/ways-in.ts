/** What is compared of a gateway. */
export interface Door {
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
export function waysIn<D extends Door>(
  transport: 'hbone' | 'istio-mtls' | 'plaintext',
  doors: readonly D[],
): readonly D[] {
  switch (transport) {
    case 'hbone':
      return doors.filter(({ ready, hbonePort }) => ready && hbonePort > 0);
    case 'istio-mtls':
      return doors.filter(({ ready, passthroughPort }) => ready && passthroughPort > 0);
    case 'plaintext':
      return [];
  }
}
