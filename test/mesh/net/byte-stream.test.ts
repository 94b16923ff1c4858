import { nodeHttp2 } from '@isthmus/mesh/http2/node/node-http2.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { byteStreams } from '../../conformance/byte-stream.ts';
import { socketPair } from '../../fakes/authority.ts';
import { securedPair } from '../../fakes/secured-pair.ts';
import { memoryPair } from '../../fakes/memory-pair.ts';
import { never } from '../../fakes/http2-ends.ts';

byteStreams(
  'in memory',
  () => {
    const [here, there] = memoryPair();
    return Promise.resolve({ here, there });
  },
  'CONNECT_ERROR',
);

byteStreams(
  'TCP',
  async () => {
    const { client, server } = await socketPair();
    return { here: new NodeStream(client), there: new NodeStream(server) };
  },
  undefined,
);

byteStreams(
  'TLS',
  async () => {
    const { dialled, accepted } = await securedPair('istio-mtls');
    return { here: dialled.stream, there: accepted.stream };
  },
  undefined,
);

byteStreams(
  'a stream of HTTP/2',
  async () => {
    const { dialled, accepted } = await securedPair('hbone');
    const http2 = nodeHttp2(systemClock);
    let answered: (stream: ByteStream) => void = () => undefined;
    const served = new Promise<ByteStream>((resolve) => (answered = resolve));
    http2.server(accepted.stream, ({ accept }) => answered(accept({})));
    const session = await http2.client(dialled.stream, 5000);
    const { stream } = await session.connect({ authority: 'a:1', headers: {} }, never);
    void stream.whenClosed.then(() => session.close());
    return { here: stream, there: await served };
  },
  'CONNECT_ERROR',
);
