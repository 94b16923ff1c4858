import assert from 'node:assert/strict';
import { Client, status, type MethodDefinition } from '@grpc/grpc-js';
import { openStream } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually, trustServer } from '@isthmus/api/grpc/server-trust.ts';
import {
  certificateService,
  discoveryService,
  joiningService,
  linkService,
} from '@isthmus/api/grpc/services.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { TestAgent } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { XdsWorld } from '../fakes/xds-world.ts';

type Method = MethodDefinition<unknown, unknown>;

/** What a server may answer to nonsense. INTERNAL and UNKNOWN would say that the server has failed. */
const allowed = new Set([
  status.OK,
  status.INVALID_ARGUMENT,
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.UNAVAILABLE,
  status.ABORTED,
]);

/** Bytes that are no message of any kind, or one with nothing, or too much, in it. */
const nonsense: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'a tag without a value': Buffer.of(0x0a),
  'a length beyond the end': Buffer.of(0x0a, 0x7f, 1),
  'a varint without an end': Buffer.alloc(16, 0xff),
  'a group that is not closed': Buffer.of(0x0b),
  'field number 0': Buffer.of(0x02, 0x00),
  'text that is not UTF-8': Buffer.of(0x0a, 2, 0xc3, 0x28, 0x12, 2, 0xff, 0xfe),
  'messages in messages': Buffer.concat(Array.from({ length: 40 }, (_, i) => Buffer.of(0x0a, 2 * (39 - i)))),
  'a number where a message should be': Buffer.of(0x08, 1, 0x10, 1, 0x18, 1, 0x20, 1),
  'empty fields': Buffer.of(0x0a, 0, 0x12, 0, 0x1a, 0, 0x22, 0),
  'a text of 64 KiB': Buffer.concat([Buffer.of(0x0a, 0x80, 0x80, 4), Buffer.alloc(65_536, 0x61)]),
  'a text of 5 MiB': Buffer.concat([Buffer.of(0x0a, 0x80, 0x80, 0xc0, 2), Buffer.alloc(5 * 2 ** 20, 0x61)]),
};

/** The status of one call with these bytes as its only request. */
async function answerTo(client: Client, { path }: Method, bytes: Buffer, headers = {}): Promise<status> {
  const raw = { path, requestSerialize: () => bytes, responseDeserialize: (one: Buffer) => one } as never;
  const stream = openStream<unknown, unknown>(client, raw, headers);
  return new Promise((resolve) => {
    stream.on('error', () => undefined);
    stream.on('status', ({ code }: { code: status }) => resolve(code));
    stream.resume();
    stream.write({});
    stream.end();
  });
}

describe('a gRPC call whose request is nonsense', () => {
  let hub: TestHub;
  let agent: TestAgent;
  let world: XdsWorld;
  const clients: Client[] = [];
  before(async () => {
    hub = await startTestHub();
    agent = await new TestAgent('east', `127.${hub.octet}.16.1`).join(hub);
    world = await XdsWorld.start();
    world.server.addService(certificateService, {
      createCertificate: (_call: unknown, reply: (error: null, chain: string[]) => void) =>
        reply(null, ['leaf', 'root']),
    });
  });
  after(async () => {
    for (const client of clients) client.close();
    agent.end();
    await Promise.all([hub.stop(), world.stop()]);
  });

  function linkClient(): Client {
    const { key, chain, ca, endpoints } = agent.identity;
    const trust = trustMutually(`127.${hub.octet}.0.1`, new Certificates({ key, chain }, ca));
    return kept(new Client(endpoints[0]!, trust.credentials, { ...channelOptions(4), ...trust.options }));
  }
  function joinClient(): Client {
    const trust = trustServer(`127.${hub.octet}.0.1`, agent.identity.ca);
    return kept(new Client(`127.${hub.octet}.0.1:15102`, trust.credentials, trust.options));
  }
  function xdsClient(): Client {
    const trust = trustServer('127.0.0.1', certificatePem(world.authority.root));
    return kept(new Client(`127.0.0.1:${world.port}`, trust.credentials, trust.options));
  }
  const kept = (client: Client): Client => (clients.push(client), client);

  const services: Record<string, [() => Client, Record<string, Method>, object]> = {
    link: [linkClient, linkService as never, {}],
    joining: [joinClient, joiningService as never, {}],
    discovery: [xdsClient, discoveryService as never, { authorization: 'Bearer good' }],
    certificate: [xdsClient, certificateService as never, { authorization: 'Bearer good' }],
  };
  for (const [service, [open, methods, headers]] of Object.entries(services))
    for (const [name, method] of Object.entries(methods))
      it(`${service}.${name} is refused by a status that blames the request`, async () => {
        const client = open();
        for (const [what, bytes] of Object.entries(nonsense)) {
          const code = await answerTo(client, method, bytes, headers);
          assert.ok(allowed.has(code), `${what}: ${status[code]}`);
        }
      });
});
