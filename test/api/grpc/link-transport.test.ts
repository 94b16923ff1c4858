import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { Client, status, type ServerDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary, openStream } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { channelOptions, serverOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually, trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { joiningService, linkService } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { agentPair, linkRequest, makeCa, serverPair } from '../../fakes/link-listener.ts';

describe('the link, over real mutual TLS', () => {
  const ca = makeCa();
  const pem = certificatePem(ca.certificate);
  let server: GrpcListener;
  let port: number;
  const seen: { names: string; peer: string }[] = [];

  before(async () => {
    server = new GrpcListener({
      certificates: new Certificates(serverPair(ca), pem),
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: systemClock,
      log: silentLog,
    });
    server.addService(linkService, {
      sync: (call: ServerDuplexStream<SyncMessage, SyncMessage>) => {
        const raw = call.getAuthContext().sslPeerCertificate?.raw;
        seen.push({
          names: raw ? (new X509Certificate(raw).subjectAltName ?? '') : '',
          peer: call.getPeer(),
        });
        call.on('data', (message: SyncMessage) => call.write(message));
        call.on('end', () => call.end());
      },
    });
    port = await server.listen('127.0.0.1:0', '--link-listen');
  });
  after(() => server.close());

  function dial(certificates: Certificates, localAddress = '') {
    const trust = trustMutually('127.0.0.1', certificates);
    const options = { ...channelOptions(4), ...trust.options };
    return new Client(boundTarget(`127.0.0.1:${port}`, localAddress), trust.credentials, options);
  }

  /** What the hub echoes, or the error. */
  function echo(client: Client, message: SyncMessage): Promise<SyncMessage | ServiceError> {
    const stream = openStream(client, linkService.sync);
    return new Promise((resolve) => {
      stream.once('data', (answer: SyncMessage) => {
        stream.end();
        resolve(answer);
      });
      stream.on('error', (error) => resolve(error as ServiceError));
      stream.write(message);
    });
  }

  it("carries records both ways, from the address that was asked for, with the caller's own certificate", async () => {
    const client = dial(new Certificates(agentPair(ca), pem), '127.9.9.9');
    assert.deepEqual(await echo(client, linkRequest()), linkRequest());
    const { names, peer } = seen.at(-1)!;
    assert.equal(names, 'URI:spiffe://link.hub/cluster/east');
    assert.match(peer, /^127\.9\.9\.9:/);
    client.close();
  });

  it('shows a renewed certificate on the next connection', async () => {
    const certificates = new Certificates(agentPair(ca), pem);
    certificates.setIdentity(agentPair(ca, 'west'));
    const client = dial(certificates);
    await echo(client, linkRequest());
    assert.equal(seen.at(-1)?.names, 'URI:spiffe://link.hub/cluster/west');
    client.close();
  });

  it('a certificate of another CA is not heard', async () => {
    const before = seen.length;
    const client = dial(new Certificates(agentPair(makeCa()), pem));
    const refused = await echo(client, linkRequest());
    assert.ok('code' in refused && refused.code === status.UNAVAILABLE);
    assert.equal(seen.length, before);
    client.close();
  });

  it('a hub of another CA is not spoken to', async () => {
    const before = seen.length;
    const client = dial(new Certificates(agentPair(ca), certificatePem(makeCa().certificate)));
    const refused = await echo(client, linkRequest());
    assert.ok('code' in refused && refused.code === status.UNAVAILABLE);
    assert.equal(seen.length, before);
    client.close();
  });

  it('a message that cannot be decoded ends the stream, and only that', async () => {
    const client = dial(new Certificates(agentPair(ca), pem));
    const refused = await echo(client, linkRequest(''));
    assert.ok('code' in refused && refused.code === status.INVALID_ARGUMENT);
    assert.match(refused.details, /type/);
    assert.deepEqual(await echo(client, linkRequest()), linkRequest());
    client.close();
  });

  it('a message over the limit ends the stream, and only that', async () => {
    const client = dial(new Certificates(agentPair(ca), pem));
    const refused = await echo(client, linkRequest('x'.repeat(5 * 1024 * 1024)));
    assert.ok('code' in refused && refused.code === status.RESOURCE_EXHAUSTED);
    assert.deepEqual(await echo(client, linkRequest()), linkRequest());
    client.close();
  });

  it('a small message that unpacks to 100 MB ends the call, and only that', async () => {
    const { key, chain } = agentPair(ca);
    const session = connect(`https://127.0.0.1:${port}`, { ca: pem, key, cert: chain });
    const call = session.request({
      ':method': 'POST',
      ':path': linkService.sync.path,
      'content-type': 'application/grpc',
      'grpc-encoding': 'gzip',
      te: 'trailers',
    });
    const body = gzipSync(Buffer.alloc(100 * 1024 * 1024));
    assert.ok(body.length < 4 * 1024 * 1024);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt8(1);
    prefix.writeUInt32BE(body.length, 1);
    call.on('error', () => undefined).end(Buffer.concat([prefix, body]));
    const [headers] = (await once(call.resume(), 'response')) as [Record<string, string>];
    assert.equal(Number(headers['grpc-status']), status.RESOURCE_EXHAUSTED);
    session.destroy();
    const client = dial(new Certificates(agentPair(ca), pem));
    assert.deepEqual(await echo(client, linkRequest()), linkRequest());
    client.close();
  });

  it('a call with 1,000 headers is refused, and only that', async () => {
    const { key, chain } = agentPair(ca);
    const session = connect(`https://127.0.0.1:${port}`, { ca: pem, key, cert: chain });
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x-${i}`, 'y']));
    const call = session.request({
      ':method': 'POST',
      ':path': linkService.sync.path,
      'content-type': 'application/grpc',
      ...many,
    });
    call.on('error', () => undefined).resume();
    await new Promise((resolve) => call.on('close', resolve));
    assert.equal(call.rstCode, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
    const client = dial(new Certificates(agentPair(ca), pem));
    assert.deepEqual(await echo(client, linkRequest()), linkRequest());
    client.close();
  });
});

describe('joining, over TLS that pins only the server', () => {
  it("is one call, and a name that is not the server's is refused", async () => {
    const ca = makeCa();
    const server = new GrpcListener({
      certificates: new Certificates(serverPair(ca)),
      mutual: false,
      proof: 'none',
      server: serverOptions(1),
      clock: systemClock,
      log: silentLog,
    });
    const answer = {
      hubId: 'hub',
      clusterId: 'east',
      linkChain: ['leaf'],
      linkCa: 'ca',
      linkEndpoints: ['127.7.0.1:15101'],
      trustDomain: defaultTrustDomain,
    };
    server.addService(joiningService, {
      join: (_call: unknown, done: (e: null, a: typeof answer) => void) => done(null, answer),
    });
    const port = await server.listen('127.0.0.1:0', '--join-listen');
    const join = { cluster: 'east', secret: 's', linkCsr: 'csr', agentVersion: '0' };
    const dial = (host: string) => {
      const trust = trustServer(host, certificatePem(ca.certificate));
      return new Client(`127.0.0.1:${port}`, trust.credentials, { ...channelOptions(1), ...trust.options });
    };
    const [right, wrong] = [dial('127.0.0.1'), dial('127.0.0.2')];
    assert.deepEqual(await callUnary(right, joiningService.join, join), answer);
    await assert.rejects(callUnary(wrong, joiningService.join, join), { code: status.UNAVAILABLE });
    right.close();
    wrong.close();
    await server.close();
  });
});
