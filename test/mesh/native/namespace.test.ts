import { deepEqual, equal, match, notEqual, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readdirSync, readlinkSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { stat } from 'node:fs/promises';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { join as joinPath } from 'node:path';
import { text } from 'node:stream/consumers';
import { inNamespace, namespaceIdentity, threadsAway } from '@isthmus/mesh/native/namespace.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import { listenIn, originalDestination, socketIn } from '@isthmus/mesh/native/tcp.ts';
import { join, Namespace, needNamespaces } from '../../fakes/network-namespaces.ts';

const here = () => readlinkSync('/proc/thread-self/ns/net');
const descriptorOf = (socket: Socket) => (socket as unknown as { _handle: { fd: number } })._handle.fd;

describe('a network namespace', () => {
  let pod: Namespace;
  let peer: Namespace;
  const made: Namespace[] = [];
  before(function () {
    needNamespaces(this);
    pod = new Namespace('pod');
    peer = new Namespace('peer');
    made.push(pod, peer);
    join(pod, peer, { left: ['10.9.0.1/24'], right: ['10.9.0.2/24'] });
    pod.ip('addr', 'add', 'fd00:9::1/64', 'dev', 'eth0', 'nodad');
    peer.ip('addr', 'add', 'fd00:9::2/64', 'dev', 'eth0', 'nodad');
  });
  after(() => {
    for (const one of made) one.remove();
  });

  /** A server that listens in a namespace by a descriptor, and its port. */
  async function serve(of: Namespace, address: string, port: number, onSocket: (socket: Socket) => void) {
    const server = createServer(onSocket).listen({ fd: listenIn(of.descriptor, { address, port }) });
    await once(server, 'listening');
    return server;
  }

  it('is entered for one stretch, and left also where that throws', () => {
    const home = here();
    const inside = inNamespace(pod.descriptor, here);
    equal(inside, `net:[${namespaceIdentity(pod.descriptor).split(':')[1]}]`);
    throws(
      () =>
        inNamespace(pod.descriptor, () => {
          throw new RangeError('of the stretch');
        }),
      RangeError,
    );
    equal(here(), home);
  });

  it('has one identity, by whatever descriptor', () => {
    const other = openSync(pod.path, 'r');
    equal(namespaceIdentity(other), namespaceIdentity(pod.descriptor));
    notEqual(namespaceIdentity(other), namespaceIdentity(peer.descriptor));
    closeSync(other);
  });

  it('is none where the descriptor is of something else, which is said by the errno', () => {
    const file = openSync('/dev/null', 'r');
    throws(() => inNamespace(file, here), { code: 'NATIVE_NAMESPACE', errno: 'EINVAL' });
    closeSync(file);
    throws(() => inNamespace(file, here), { code: 'NATIVE_NAMESPACE', errno: 'EBADF' });
  });

  it('keeps no thread: those of the pool are made at home', async () => {
    inNamespace(pod.descriptor, () => undefined);
    await Promise.all([stat('/'), lookup('localhost'), stat('/proc'), stat('/tmp'), stat('/dev')]);
    deepEqual(threadsAway(), []);
  });

  it('ends the process if the thread cannot return home', async () => {
    const root = joinPath(import.meta.dirname, '../../..');
    const lost = `
      import { readdirSync, readlinkSync, closeSync, openSync } from 'node:fs';
      const { inNamespace } = await import('@isthmus/mesh/native/namespace.ts');
      const { closeDescriptor } = await import('@isthmus/mesh/native/native.ts');
      const home = readlinkSync('/proc/self/ns/net');
      const isHome = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd) === home; } catch { return false; } };
      const kept = readdirSync('/proc/self/fd').filter(isHome).map(Number);
      const pod = openSync(process.argv[1], 'r');
      inNamespace(pod, () => kept.forEach(closeDescriptor));
      console.log('went on');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', lost, pod.path], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const said = await Promise.all([text(child.stdout), once(child, 'exit')]);
    deepEqual(said, ['', [null, 'SIGABRT']]);
  });

  it('has children that are started in it', async () => {
    const child = spawnIn(pod.descriptor, 'ip', ['-o', 'addr', 'show', 'eth0']);
    match(await text(child.stdout!), /10\.9\.0\.1/);
    await rejects(once(spawnIn(pod.descriptor, '/no/such/program', []), 'exit'), { code: 'ENOENT' });
    deepEqual(threadsAway(), []);
  });

  it('has listeners and dials of this process, over IPv4 and IPv6, on one listener for both', async () => {
    const seen: string[] = [];
    const server = await serve(peer, '::', 7000, (socket) => {
      seen.push(socket.remoteAddress ?? '');
      socket.end('hello');
    });
    for (const address of ['10.9.0.2', 'fd00:9::2']) {
      const socket = new Socket({
        fd: socketIn(pod.descriptor, { to: address }),
        manualStart: true,
      } as object);
      socket.connect({ host: address, port: 7000 });
      equal(await text(socket), 'hello');
    }
    deepEqual(seen, ['::ffff:10.9.0.1', 'fd00:9::1']);
    server.close();
  });

  it('lets several listen at one place', async () => {
    const servers = await Promise.all([1, 2].map(() => serve(pod, '::', 7001, () => undefined)));
    deepEqual(
      servers.map((one) => (one.address() as AddressInfo).port),
      [7001, 7001],
    );
    servers.forEach((one) => one.close());
  });

  it('shows the far side the address of another, where that is asked for', async () => {
    for (const [to, source] of [
      ['10.9.0.2', '10.9.0.77'],
      ['fd00:9::2', 'fd00:9::77'],
    ] as const) {
      const family = to.includes(':') ? '-6' : '-4';
      // The replies come back to the socket, as the rules of a pod arrange it.
      pod.ip(family, 'route', 'add', 'local', source, 'dev', 'lo');
      if (family === '-6') peer.ip('neigh', 'add', source, 'lladdr', macOf(pod), 'dev', 'eth0');
      else peer.ip('neigh', 'add', source, 'lladdr', macOf(pod), 'dev', 'eth0');
      const seen = Promise.withResolvers<string>();
      const server = await serve(peer, '::', 7002, (socket) => {
        seen.resolve(socket.remoteAddress ?? '');
        socket.end('hello');
      });
      const socket = new Socket({
        fd: socketIn(pod.descriptor, { to, source }),
        manualStart: true,
      } as object);
      socket.connect({ host: to, port: 7002 });
      equal(await text(socket), 'hello');
      equal((await seen.promise).replace('::ffff:', ''), source);
      server.close();
    }
  });
  const macOf = (of: Namespace) => /link\/ether (\S+)/.exec(of.ip('link', 'show', 'eth0'))![1]!;

  it('knows where a redirected connection had been going, and marks the proxy’s own', async () => {
    const redirect = '-t nat -A OUTPUT -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001';
    for (const program of ['iptables', 'ip6tables']) pod.run(program, redirect.split(' '));
    const found: unknown[] = [];
    const server = await serve(pod, '::', 15001, (socket) => {
      const from = socket.remoteAddress!.replace('::ffff:', '');
      found.push(originalDestination(descriptorOf(socket), from));
      socket.end();
    });
    for (const to of ['10.9.0.2', 'fd00:9::2']) {
      const caller = spawnIn(pod.descriptor, process.execPath, [
        '-e',
        `require('net').connect(4321, '${to}').resume()`,
      ]);
      await once(caller, 'exit');
    }
    deepEqual(found, [
      { address: '10.9.0.2', port: 4321 },
      { address: 'fd00:9::2', port: 4321 },
    ]);
    const marked = new Socket({
      fd: socketIn(pod.descriptor, { to: '10.9.0.2' }),
      manualStart: true,
    } as object);
    const [error] = (await once(marked.connect({ host: '10.9.0.2', port: 4321 }), 'error').catch(
      (one: unknown) => [one],
    )) as [NodeJS.ErrnoException];
    equal(error.code, 'ECONNREFUSED');
    server.close();
  });

  it('leaves no descriptor behind where a socket is refused', () => {
    const before = readdirSync('/proc/self/fd').length;
    throws(() => listenIn(pod.descriptor, { address: '192.0.2.1', port: 80 }), {
      code: 'NATIVE_SOCKET',
      errno: 'EADDRNOTAVAIL',
    });
    throws(() => socketIn(pod.descriptor, { to: '10.9.0.2', source: 'fd00::1' }), { code: 'NATIVE_SOCKET' });
    throws(() => listenIn(pod.descriptor, { address: 'host', port: 80 }), { code: 'NATIVE_SOCKET' });
    equal(readdirSync('/proc/self/fd').length, before);
    closeDescriptor(socketIn(pod.descriptor, { to: '10.9.0.2' }));
    equal(readdirSync('/proc/self/fd').length, before);
  });
});
