import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import { onDuplex } from '../../fakes/duplex-sessions.ts';
import { http2Conformance } from '../../conformance/http2.ts';

http2Conformance('node:http2', (clock) => onDuplex(nodeHttp2(clock)));
