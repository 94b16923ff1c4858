import type { ProxyClient } from './proxy-client.ts';
import type { AppliedEvent } from './server.ts';

/** A part of the agent that follows the streams of proxies. */
export interface ProxyFollower {
  /** A proxy has opened its stream. */
  opened?(client: ProxyClient): void;
  /**
   * A proxy's stream has ended, also by a newer one of the same proxy that takes over. `isReplicaLost`: the replica of the
   * agent that it was at cannot be heard; the proxy itself may be well.
   */
  lost?(client: ProxyClient, isReplicaLost: boolean): void;
  /** A proxy has answered to a response. */
  answered?(event: AppliedEvent): void;
}
