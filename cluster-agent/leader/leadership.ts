/** The replica that leads, as another one knows it. */
export interface Leader {
  readonly id: string;
  /** host:port where it takes what other replicas know of their proxies; '': it does not say. */
  readonly address: string;
}

/** Which replica of an agent reports, and writes to the API of its cluster. */
export interface Leadership {
  /** Of this replica: the pod's name, `main` in files mode. */
  readonly id: string;
  /** Whether this replica leads now. Ask it before each write and each report, and keep no answer. */
  leads(): boolean;
  /** Who leads as far as is known; undefined: nobody, or it is not known yet. */
  readonly leader: Leader | undefined;
  /** Calls when `leads()` or `leader` is another one. */
  onChange(listener: () => void): void;
  /** Resolves when the signal has aborted and the leadership is given up. */
  run(signal: AbortSignal): Promise<void>;
}

/** An agent that is the only one of its cluster, as in files mode. */
export const leadsAlone = (id: string): Leadership => ({
  id,
  leads: () => true,
  leader: { id, address: '' },
  onChange: () => undefined,
  run: () => Promise.resolve(),
});
