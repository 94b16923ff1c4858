import { runProxy } from './start.ts';

await runProxy({
  program: 'isthmus-ztunnel',
  purpose: 'carries connections of a node’s pods, or between networks (--mode gateway)',
  mode: undefined,
  thread: new URL('./worker/thread.ts', import.meta.url),
});
