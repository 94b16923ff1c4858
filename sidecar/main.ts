import { runProxy } from '@isthmus/ztunnel/start.ts';

// One pod's proxy: the engine of ztunnel for a single workload, with Istio mTLS in place of HBONE.
runProxy('isthmus-sidecar', 'carries connections of one pod', 'sidecar');
