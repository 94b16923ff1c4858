import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { serverOptions } from '@isthmus/api/grpc/options.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { discoveryService } from '@isthmus/api/grpc/services.ts';
import { encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import type { DiscoveryRequest } from '@isthmus/api/wire/discovery.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { proxyTypes, typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { certificatePem, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { makeAuthority } from '../../../test/fakes/authority.ts';
import { aMatch, anAuthorization, aService, aWorkload } from '../../../test/fakes/records.ts';
import { answer } from '../peer-process.ts';
import { now } from '../now.ts';
import { Offered } from '../offered.ts';
import { network, node, policyKey, port, type ServedPod, type World } from './shape.ts';

// A control plane of one proxy, which costs nothing: a world of foreign workloads, and pods that the proxy serves.

const offered = new Offered();
let world: World | undefined;
let acknowledged: (() => void) | undefined;
let changes = 0;

/** `folder` gets the root and a token. */
interface Start extends World {
  readonly folder: string;
  readonly host: string;
}

const api = {
  async start({ folder, host, ...rest }: Start): Promise<void> {
    world = rest;
    const authority = makeAuthority();
    offer(rest, authority);
    const { intermediate, root } = authority;
    const key = generateKey();
    const tools = { now: systemClock.now() };
    const server = issueTlsServer([host], key.publicKey, intermediate, tools, systemRandom);
    const chain = certificatePem(server) + certificatePem(intermediate.certificate);
    writeFileSync(join(folder, 'root.pem'), certificatePem(root));
    writeFileSync(join(folder, 'token'), 'a token');
    const listener = new GrpcListener({
      certificates: new Certificates({ key: privateKeyPem(key.privateKey), chain }),
      mutual: false,
      proof: 'first-call',
      server: serverOptions(32),
      clock: systemClock,
      log: silentLog,
    });
    listener.addService(discoveryService, { deltaAggregatedResources: serve });
    await listener.listen(`${host}:15012`, '--xds-listen');
  },

  /** One foreign workload is another; milliseconds until the proxy has acknowledged it. */
  async change(): Promise<number> {
    if (!world) throw new Error('it has not been started');
    const acked = new Promise<void>((resolve) => (acknowledged = resolve));
    const started = now();
    changes++;
    offerWorkload(changes % world.workloads, world, changes);
    await acked;
    return now() - started;
  },
};

export type ControlPlaneApi = typeof api;

function offer(
  all: World,
  { trustDomain, root, keyId, intermediate }: ReturnType<typeof makeAuthority>,
): void {
  const bundle = encodeTrustBundle({ trustDomain, roots: [root], sequence: 1 });
  const issuer = {
    keyId,
    trustDomain,
    cluster: 'east',
    certificate: intermediate.certificate,
    revoked: false,
  };
  offered.put(typeUrls.trustBundle, trustDomain, bundle);
  offered.put(typeUrls.intermediate, keyId, encodeIntermediate(issuer));
  // Something to judge by, which lets everything through.
  const match = aMatch({ namespaces: [{ kind: 'exact', value: 'nobody' }] });
  const policy = anAuthorization({ name: 'not-nobody', action: 'DENY', rules: [[[match]]] });
  offered.put(typeUrls.authorization, policyKey, encodeAuthorization({ ...policy, key: policyKey }));
  for (let i = 0; i < all.services; i++) {
    const address = { network, address: all.vips[i] ?? '', prefix: undefined };
    const service = aService({ name: `s-${i}`, addresses: [address] });
    offered.put(typeUrls.address, service.key, encodeService(service));
  }
  for (let i = 0; i < all.workloads; i++) offerWorkload(i, all, 0);
  all.pods.forEach(offerServed);
}

function offerServed({ address, application }: ServedPod, index: number): void {
  const workload = aWorkload({
    uid: `east//Pod/shop/local-${index}`,
    name: `local-${index}`,
    addresses: [address],
    node,
    serviceAccount: 'local',
    appAddress: application,
    capturedPorts: [port],
    authorizationPolicies: [policyKey],
  });
  offered.put(typeUrls.address, workload.uid, encodeWorkload(workload));
}

/** On another node, an endpoint of one service; its form says how often it has changed. */
function offerWorkload(index: number, { services }: World, form: number): void {
  const service = `shop/s-${index % services}.shop.svc.cluster.local`;
  const workload = aWorkload({
    uid: `east//Pod/shop/p-${index}`,
    name: `p-${index}`,
    node: `n-${index % 50}`,
    addresses: [`10.0.${Math.floor(index / 250) % 250}.${1 + (index % 250)}`],
    serviceAccount: `s-${index % services}`,
    canonicalName: `s-${index % services}`,
    canonicalRevision: `v${form}`,
    services: new Map([[service, [{ servicePort: 80, targetPort: 8080 }]]]),
  });
  offered.put(typeUrls.address, workload.uid, encodeWorkload(workload));
}

function serve(call: ServerDuplexStream<DiscoveryRequest, DeltaResponse>): void {
  const session = new ServerSession({
    types: proxyTypes,
    lookup: (type) => offered.lookup(type),
    onAck(type) {
      if (type === typeUrls.address) acknowledged?.();
    },
  });
  const pump = new Pump(call, () => session.next());
  const leave = offered.onChange((type, names) => {
    session.changed(type, names);
    pump.wake();
  });
  call.on('data', ({ request }: DiscoveryRequest) => {
    session.request(request);
    pump.wake();
  });
  const over = () => {
    leave();
    pump.stop();
  };
  call.on('error', over).on('cancelled', over).on('close', over);
}

answer(api);
