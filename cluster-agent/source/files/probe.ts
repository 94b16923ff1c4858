import { get } from 'node:http';
import { connect } from 'node:net';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** Where a pod's application listens, and from where it is asked. */
export interface ProbeTarget {
  readonly address: string;
  readonly localAddress: string;
}

/** Without a probe of its own a pod is asked for a TCP connection every 500 ms, and one failure is enough. */
export const defaultProbe = (pod: PodObject): Probe | undefined =>
  pod.ports[0] && {
    kind: 'tcpSocket' as const,
    port: pod.ports[0].port,
    path: '',
    periodMillis: 500,
    timeoutMillis: 1000,
    ...{ failureThreshold: 1, successThreshold: 1 },
  };

/** Asks again and again, as a kubelet would, and tells when readiness changes. */
export class Prober {
  readonly #probe: Probe;
  readonly #port: number;
  readonly #target: ProbeTarget;
  readonly #clock: Clock;
  readonly #onReady: (ready: boolean) => void;
  #timer: Timer | undefined;
  #ready = false;
  #streak = 0;
  #stopped = false;

  constructor(
    pod: PodObject,
    probe: Probe,
    target: ProbeTarget,
    clock: Clock,
    onReady: (ready: boolean) => void,
  ) {
    this.#probe = probe;
    this.#port =
      typeof probe.port === 'number'
        ? probe.port
        : (pod.ports.find(({ name }) => name === probe.port)?.port ?? 0);
    this.#target = target;
    this.#clock = clock;
    this.#onReady = onReady;
    this.#tick();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    void this.#ask().then((well) => {
      if (this.#stopped) return;
      this.#count(well);
      // Until it is ready for the first time it is asked more often, so that a start is noticed soon.
      const period = this.#ready ? this.#probe.periodMillis : Math.min(200, this.#probe.periodMillis);
      this.#timer = this.#clock.after(period, () => this.#tick());
    });
  }

  #count(well: boolean): void {
    this.#streak = well === this.#ready ? 0 : this.#streak + 1;
    const { failureThreshold, successThreshold } = this.#probe;
    if (this.#streak < (well ? successThreshold : failureThreshold)) return;
    if (well === this.#ready) return;
    this.#ready = well;
    this.#streak = 0;
    this.#onReady(well);
  }

  #ask(): Promise<boolean> {
    return this.#probe.kind === 'tcpSocket' ? this.#connects() : this.#answers();
  }

  #connects(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({
        host: this.#target.address,
        port: this.#port,
        localAddress: this.#target.localAddress,
      });
      const finish = (well: boolean) => {
        // A reset rather than a FIN: no TIME_WAIT is left behind, twice a second for every pod.
        socket.resetAndDestroy();
        resolve(well);
      };
      socket.setTimeout(this.#probe.timeoutMillis, () => finish(false));
      socket.once('connect', () => finish(true)).once('error', () => finish(false));
    });
  }

  #answers(): Promise<boolean> {
    const { address, localAddress } = this.#target;
    const { path, timeoutMillis: timeout } = this.#probe;
    return new Promise((resolve) => {
      const request = get(
        { host: address, port: this.#port, path, localAddress, timeout, agent: false },
        (response) => {
          const status = response.statusCode ?? 0;
          response.resume();
          response.on('end', () => resolve(status >= 200 && status < 400)).on('error', () => resolve(false));
        },
      );
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(false));
    });
  }
}
