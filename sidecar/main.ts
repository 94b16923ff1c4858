import { runProxy } from '@isthmus/ztunnel/start.ts';

// One pod's proxy: the engine of ztunnel for a single workload, with Istio mTLS in place of HBONE.
const thread = new URL('./thread.ts', import.meta.url);
await runProxy({
  program: 'isthmus-sidecar',
  purpose: 'carries connections of one pod',
  mode: 'sidecar',
  thread,
});
