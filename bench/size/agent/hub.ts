import { X509Certificate } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall } from '@grpc/grpc-js';
import type { SignIntermediateRequest, SignIntermediateResponse } from '@isthmus/api/domain/membership.ts';
import type { HealthAnswer, HealthReport } from '@isthmus/api/domain/report.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { linkService } from '@isthmus/api/grpc/services.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { saveLinkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificatePem, issueLeaf, issueRoot, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { mintTrustDomain, signIntermediate } from '../../../federation/trust/trust-domain.ts';
import { aGateway } from '../../../test/fakes/agent.ts';
import { answer } from '../peer-process.ts';
import { now } from '../now.ts';
import { Offered } from '../offered.ts';

// A hub of one agent, which costs nothing: it offers services of another cluster, and signs whatever is asked for.

const offered = new Offered();
const tools = {
  provider: { sealingKey: () => Buffer.alloc(32, 7) },
  random: systemRandom,
  now: systemClock.now(),
};
const domain = mintTrustDomain(defaultTrustDomain, tools);

interface Start {
  readonly host: string;
  readonly cluster: string;
  /** Of the agent, which finds itself a member in it. */
  readonly stateDir: string;
  readonly remoteServices: number;
}

const api = {
  async start({ host, cluster, stateDir, remoteServices }: Start): Promise<void> {
    const bundle = { roots: [new X509Certificate(domain.rootCertificatePem)], sequence: domain.sequence };
    const trustDomain = domain.name;
    offered.put('trust-bundle', domain.name, encodeTrustBundle({ trustDomain, ...bundle }));
    for (let i = 0; i < remoteServices; i++) offerRemote(i, 2);
    const key = generateKey();
    const root = issueRoot('link CA', key, tools, systemRandom);
    const ca = { certificate: root, privateKey: key.privateKey };
    const serverKey = generateKey();
    const server = issueTlsServer([host], serverKey.publicKey, ca, tools, systemRandom);
    const identity = { key: privateKeyPem(serverKey.privateKey), chain: certificatePem(server) };
    const listener = new GrpcListener({
      certificates: new Certificates(identity, certificatePem(root)),
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: systemClock,
      log: silentLog,
    });
    listener.addService(linkService, handlers(cluster));
    const port = await listener.listen(`${host}:15101`, '--link-listen');
    const agentKey = generateKey();
    const leaf = issueLeaf(
      `spiffe://link.bench/cluster/${cluster}`,
      agentKey.publicKey,
      ca,
      tools,
      systemRandom,
    );
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const agent = { key: privateKeyPem(agentKey.privateKey), chain: certificatePem(leaf) };
    const at = {
      cluster,
      hubId: 'bench',
      trustDomain: domain.name,
      endpoints: [`${host}:${port}`],
    };
    saveLinkIdentity(stateDir, { ...at, ...agent, ca: certificatePem(root) }, systemRandom);
  },

  /** One service of the other cluster has so many healthy endpoints from now on; gives when that was said. */
  change({ index, healthy }: { readonly index: number; readonly healthy: number }): number {
    const at = now();
    offerRemote(index, healthy);
    return at;
  },
};

export type HubApi = typeof api;

function offerRemote(index: number, healthy: number): void {
  const [cluster, namespace, name] = ['west', `elsewhere-${Math.floor(index / 20)}`, `r-${index}`];
  const body = wire.remoteService.encode({
    cluster,
    namespace,
    name,
    hostname: `${name}.${namespace}.svc.cluster.local`,
    ports: [{ name: 'http', port: 80, targetPort: 8080, appProtocol: '' }],
    subjectAltNames: [`spiffe://cluster.local/ns/${namespace}/sa/${name}`],
    groups: [{ region: 'r1', zone: 'z1', transport: 'hbone', total: 4, healthy }],
    gateways: [aGateway('west')],
  });
  offered.put('remote', `${cluster}/${namespace}/${name}`, body);
}

const handlers = (cluster: string) => ({
  sync: serveSync,
  health(call: ServerDuplexStream<HealthReport, HealthAnswer>) {
    call.on('data', ({ sequence }: HealthReport) =>
      call.write({ sequence, takesChanges: true, isRefused: false }),
    );
    call.on('error', () => undefined).on('end', () => call.end());
  },
  answer(call: ServerDuplexStream<unknown, unknown>) {
    call
      .on('data', () => undefined)
      .on('error', () => undefined)
      .on('end', () => call.end());
  },
  signIntermediate(
    { request }: ServerUnaryCall<SignIntermediateRequest, SignIntermediateResponse>,
    done: sendUnaryData<SignIntermediateResponse>,
  ) {
    const signed = signIntermediate(domain, cluster, request.csr, tools);
    if (!signed.ok) {
      done(new Error(signed.error));
      return;
    }
    const { keyId, certificatePem: pem } = signed.value;
    const certificate = new X509Certificate(pem);
    const issuer = { keyId, trustDomain: domain.name, cluster, certificate, revoked: false };
    offered.put('intermediate', keyId, encodeIntermediate(issuer));
    offered.put('activation', keyId, wire.activation.encode({ keyId }));
    done(null, { chain: [pem, domain.rootCertificatePem], keyId });
  },
  renewLink: (_call: unknown, done: sendUnaryData<never>) => done(new Error('nothing is renewed here')),
});

function serveSync(call: ServerDuplexStream<wire.SyncMessage, wire.SyncMessage>): void {
  const down = new ServerSession<string>({ types: wire.downTypes, lookup: (type) => offered.lookup(type) });
  const up = new ClientSession(wire.upTypes);
  const answers: wire.SyncMessage[] = up.open().map((request) => ({ kind: 'request', request }));
  const next = (): wire.SyncMessage | undefined => {
    const response = down.next();
    return response && { kind: 'response', response };
  };
  const pump = new Pump(call, () => answers.shift() ?? next());
  const leave = offered.onChange((type, names) => {
    down.changed(type, names);
    pump.wake();
  });
  call.on('data', (message: wire.SyncMessage) => {
    if (message.kind === 'request') down.request(message.request);
    else answers.push({ kind: 'request', request: up.response(message.response, () => []) });
    pump.wake();
  });
  const over = () => {
    leave();
    pump.stop();
  };
  call.on('error', over).on('cancelled', over).on('close', over);
  call.on('end', () => {
    over();
    call.end();
  });
  pump.wake();
}

answer(api);
