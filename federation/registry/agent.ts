/** Whose agent speaks. */
export interface Agent {
  readonly cluster: string;
  readonly membership: string;
}
