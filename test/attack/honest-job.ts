/** What an honest client measures: requests over one tunnel, new tunnels, or a request every 10 ms. */
export type Measure = 'requests' | 'connects' | 'paced';

/** Where the honest client calls, with whose certificate (PEM), and where its own application listens. */
export interface HonestAim {
  readonly key: string;
  readonly chain: string;
  /** Of the pod that is called. */
  readonly address: string;
  /** What its CONNECTs ask for. */
  readonly authority: string;
  readonly application: { readonly host: string; readonly port: number };
}

export interface HonestJob {
  readonly measure: Measure;
  readonly seconds: number;
}

/** What came of it. */
export interface Honest {
  /** Answers a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}
