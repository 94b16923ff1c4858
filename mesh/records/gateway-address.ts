/** How to reach a gateway or waypoint: by an address in a network, or by a hostname that is itself in the state. */
export type GatewayAddress =
  | {
      readonly kind: 'address';
      readonly network: string;
      readonly address: string;
      readonly hbonePort: number;
    }
  | {
      readonly kind: 'hostname';
      readonly namespace: string;
      readonly hostname: string;
      readonly hbonePort: number;
    };
