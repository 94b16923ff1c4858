import { runProxy } from './start.ts';

runProxy('isthmus-ztunnel', 'carries connections of a node’s pods, or between networks (--mode gateway)');
