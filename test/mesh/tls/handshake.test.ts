import { expectNames, type ExpectedNames } from '@isthmus/mesh/identity/expected-names.ts';
import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { connect, type ConnectionOptions } from 'node:tls';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import { makeAuthority, socketPair, tableOf } from '../../fakes/authority.ts';
import { acceptTls, dialTls } from '../../fakes/tls-on-sockets.ts';

const pod = 'spiffe://cluster.local/ns/shop/sa/cart';
const gateway = 'spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway';
const authority = makeAuthority();

interface Meeting {
  client?: Credentials;
  server?: Credentials;
  expect?: ExpectedNames;
  cluster?: string;
  clientTable?: IssuerTable;
  serverTable?: IssuerTable;
  clientAlpn?: readonly string[];
}

/** Both ends of one handshake; each gives what it agreed on or why it refused. */
async function meet(meeting: Meeting) {
  const { client, server } = await socketPair();
  const common = { clock: systemClock, timeoutMillis: 5000 } as const;
  const accepting = acceptTls(server, {
    ...common,
    credentials: meeting.server ?? authority.leaf(gateway),
    alpn: ['h2'],
    layer: 'outer',
    table: meeting.serverTable ?? tableOf(authority),
  });
  const dialling = dialTls(client, {
    ...common,
    credentials: meeting.client ?? authority.leaf(pod),
    alpn: meeting.clientAlpn ?? ['h2'],
    layer: 'outer',
    expect: meeting.expect ?? expectNames(gateway),
    table: meeting.clientTable ?? tableOf(authority),
    cluster: meeting.cluster ?? 'east',
  });
  const [accepted, dialled] = await Promise.allSettled([accepting, dialling]);
  client.destroy();
  server.destroy();
  return { accepted, dialled };
}

function reason(outcome: PromiseSettledResult<unknown>): string {
  assert.equal(outcome.status, 'rejected');
  const error = outcome.reason as unknown;
  assert.ok(error instanceof TlsRefused);
  assert.match(error.message, /^outer tls: /);
  return error.refusal?.reason ?? 'CLOSED';
}

describe('mesh/tls handshake', () => {
  it('agrees, tells each end who the other is, and resumes nothing', async () => {
    const { accepted, dialled } = await meet({});
    assert.equal(accepted.status, 'fulfilled');
    assert.equal(dialled.status, 'fulfilled');
    assert.equal(
      (accepted as PromiseFulfilledResult<{ peer: { spiffeId: string } }>).value.peer.spiffeId,
      pod,
    );
    const secured = dialled.value;
    assert.equal(secured.peer.spiffeId, gateway);
    assert.equal(secured.peer.cluster, 'east');
    assert.equal(secured.socket.isSessionReused(), false);
    assert.equal(secured.socket.getProtocol(), 'TLSv1.3');
  });

  it('leaves what the peer has shown with its connection, so that it goes with it', async () => {
    const { accepted, dialled } = await meet({});
    for (const end of [accepted, dialled]) {
      assert.equal(end.status, 'fulfilled');
      const { issuerCertificate } = end.value.socket.getPeerCertificate(true);
      assert.ok(issuerCertificate, 'the certificate of the issuer has been taken away');
      assert.deepEqual(issuerCertificate.raw, authority.intermediate.certificate.raw);
    }
  });

  const twin = makeAuthority();
  const stranger = makeAuthority('td-b', 'north');
  const revoked = tableOf(authority);
  authority.teach(revoked, true);
  const hosting = (namespaces: readonly string[]) => {
    const table = tableOf(authority);
    authority.teach(table, false, namespaces);
    return table;
  };

  it('takes a client of a namespace that its cluster may host, and the gateway of a cluster that hosts others', async () => {
    const { accepted, dialled } = await meet({
      serverTable: hosting(['shop']),
      clientTable: hosting(['shop']),
    });
    assert.deepEqual([accepted.status, dialled.status], ['fulfilled', 'fulfilled']);
  });

  const clientCases: Record<string, { meeting: Meeting; refused: string }> = {
    'a gateway that answers where a pod should': {
      meeting: { expect: expectNames(pod) },
      refused: 'WRONG_IDENTITY',
    },
    'a pod that answers where a gateway should': {
      meeting: { server: authority.leaf(pod) },
      refused: 'WRONG_IDENTITY',
    },
    'a twin with the right name from a foreign root': {
      meeting: { server: twin.leaf(gateway) },
      refused: 'UNKNOWN_ISSUER',
    },
    'an empty list of expected names': {
      meeting: { expect: expectNames(undefined) },
      refused: 'WRONG_IDENTITY',
    },
    'a server that has the right name, by the issuer of another cluster': {
      meeting: { cluster: 'west' },
      refused: 'WRONG_CLUSTER',
    },
    'any server where no cluster is known': { meeting: { cluster: '' }, refused: 'WRONG_CLUSTER' },
    'a server whose issuer is revoked': { meeting: { clientTable: revoked }, refused: 'REVOKED_ISSUER' },
    'an expired server': {
      meeting: { server: authority.leaf(gateway, { now: Date.now() - 7_200_000, lifetime: 3_600_000 }) },
      refused: 'EXPIRED',
    },
  };
  for (const [name, { meeting, refused }] of Object.entries(clientCases))
    it(`the client refuses ${name}`, async () =>
      assert.equal(reason((await meet(meeting)).dialled), refused));

  const serverCases: Record<string, { meeting: Meeting; refused: string }> = {
    'a twin with the right name from a foreign root': {
      meeting: { client: twin.leaf(pod) },
      refused: 'UNKNOWN_ISSUER',
    },
    'a leaf of another trust domain that a member issued': {
      meeting: {
        client: authority.leaf('spiffe://td-b/ns/shop/sa/cart'),
        serverTable: tableOf(authority, stranger),
      },
      refused: 'WRONG_TRUST_DOMAIN',
    },
    'that leaf with the other trust domain’s real root behind it': {
      meeting: {
        client: withRoot(authority.leaf('spiffe://td-b/ns/shop/sa/cart'), stranger.root),
        serverTable: tableOf(authority, stranger),
      },
      refused: 'WRONG_TRUST_DOMAIN',
    },
    'an expired client': {
      meeting: { client: authority.leaf(pod, { now: Date.now() - 7_200_000, lifetime: 3_600_000 }) },
      refused: 'EXPIRED',
    },
    'a client of a namespace that its cluster may not host': {
      meeting: { serverTable: hosting(['istio-system', 'pay']) },
      refused: 'NAMESPACE_NOT_ALLOWED',
    },
    'every client of a cluster that may host nothing': {
      meeting: { serverTable: hosting([]) },
      refused: 'NAMESPACE_NOT_ALLOWED',
    },
    'a client whose issuer is revoked': { meeting: { serverTable: revoked }, refused: 'REVOKED_ISSUER' },
  };
  for (const [name, { meeting, refused }] of Object.entries(serverCases))
    it(`the server refuses ${name}`, async () =>
      assert.equal(reason((await meet(meeting)).accepted), refused));

  it('the server refuses a client without ALPN, and one without a certificate', async () => {
    const own = authority.leaf(pod);
    assert.equal(await refusedOf({ key: own.key, cert: own.chain }), 'NO_ALPN');
    assert.equal(await refusedOf({ ALPNProtocols: ['h2'] }), 'NO_CERTIFICATE');
  });
});

/** A chain with a certificate of another trust domain behind it. */
function withRoot({ chain, ...rest }: Credentials, root: X509Certificate): Credentials {
  return { ...rest, chain: chain + certificatePem(root) };
}

/** What a server says of a TLS client that is not ours. */
async function refusedOf(options: ConnectionOptions): Promise<string> {
  const { client, server } = await socketPair();
  const accepting = acceptTls(server, {
    clock: systemClock,
    timeoutMillis: 5000,
    credentials: authority.leaf(gateway),
    alpn: ['h2'],
    layer: 'outer',
    table: tableOf(authority),
  });
  const bare = connect({ socket: client, rejectUnauthorized: false, ...options });
  bare.on('error', () => undefined);
  const [outcome] = await Promise.allSettled([accepting]);
  bare.destroy();
  return reason(outcome);
}
