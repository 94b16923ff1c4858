import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Capture, LocalPod } from '../capture/capture.ts';
import type { ProxyConfig } from '../configuration.ts';
import { flagsOf } from '../telemetry/response-flags.ts';
import { aboutOf, carry, reportFailure, type AccountDeps } from './carry.ts';
import type { Connections } from './connections.ts';
import { outboundTelemetry } from './outbound-telemetry.ts';
import { whileThere } from './while-there.ts';

const dialMillis = 10_000;

export interface PassThroughDeps extends AccountDeps {
  readonly config: Pick<ProxyConfig, 'cluster'>;
  readonly capture: Pick<Capture, 'dial'>;
  readonly connections: Connections;
}

interface Passing {
  readonly near: ByteStream;
  readonly caller: LocalPod;
  readonly source: Workload;
  readonly clientAddress: string;
  /** Monotonic, when it arrived. */
  readonly started: number;
  readonly answered: (reached: boolean) => void;
}

/** A connection to a destination outside the mesh: plain TCP from the pod's own place, as upstream's ztunnel does it. */
export async function passThrough(
  deps: PassThroughDeps,
  { near, caller, source, clientAddress, started, answered }: Passing,
  { address, port }: AddressPort,
): Promise<void> {
  const { cluster } = deps.config;
  const text = `${address}:${port}`;
  const telemetry = outboundTelemetry(cluster, source, clientAddress, text, undefined, undefined, undefined);
  try {
    const far = await whileThere(near, (signal) =>
      deps.capture.dial({
        address,
        port,
        from: { kind: 'pod', pod: caller },
        timeoutMillis: dialMillis,
        signal,
      }),
    );
    answered(true);
    const about = aboutOf(telemetry);
    const entered = deps.connections.enter({
      about,
      peer: undefined,
      inbound: undefined,
      outbound: undefined,
    });
    if (entered.kind === 'refused') far.reset();
    else await carry(deps, { near, far, started, telemetry, place: entered.place });
  } catch (error) {
    answered(false);
    const message = error instanceof Error ? error.message : String(error);
    reportFailure(deps, telemetry, message, flagsOf(error), started);
    near.close();
  }
}
