import { deepEqual, equal, throws } from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { connectPackets, PacketListener, type PacketConnection } from '@isthmus/mesh/native/packets.ts';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('packets with descriptors at a path', () => {
  let dir = '';
  let near: PacketConnection;
  let far: PacketConnection;
  let listener: PacketListener;
  const path = () => join(dir, 'socket');
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-packets-'));
    const accepted = Promise.withResolvers<PacketConnection>();
    listener = new PacketListener(path(), accepted.resolve);
    near = connectPackets(path());
    far = await accepted.promise;
  });
  afterEach(() => {
    near.close();
    far.close();
    listener.close();
    rmSync(dir, { recursive: true });
  });

  /** The next packet, as the program learns of it. */
  const next = async (of: PacketConnection, maxBytes = 1024) => {
    const readable = Promise.withResolvers<void>();
    of.watch(readable.resolve);
    await readable.promise;
    return of.receive(maxBytes)!;
  };

  it('come whole, one by one', async () => {
    near.send(Buffer.from('one'));
    near.send(Buffer.from('two'));
    equal((await next(far)).bytes.toString(), 'one');
    equal(far.receive(1024)?.bytes.toString(), 'two');
    equal(far.receive(1024), undefined);
  });

  it('bring descriptors, which are the receiver’s own and do not keep the sender’s', async () => {
    writeFileSync(join(dir, 'file'), 'what it holds');
    const sent = openSync(join(dir, 'file'), 'r');
    near.send(Buffer.from('x'), [sent, sent]);
    closeSync(sent);
    const { descriptors, isCut } = await next(far);
    deepEqual([descriptors.length, isCut], [2, false]);
    equal(readFileSync(descriptors[0]!, 'utf8'), 'what it holds');
    descriptors.forEach(closeDescriptor);
  });

  it('are cut where they are longer than the receiver takes, and it is said', async () => {
    near.send(Buffer.alloc(9));
    const { bytes, isCut } = await next(far, 8);
    deepEqual([bytes.length, isCut], [8, true]);
    near.send(Buffer.alloc(8));
    equal(far.receive(8)?.isCut, false);
  });

  it('bring 16 descriptors at most; of more none is left open unseen', async () => {
    const before = openDescriptors();
    near.send(
      Buffer.from('x'),
      Array.from({ length: 17 }, () => 0),
    );
    const { descriptors, isCut } = await next(far);
    deepEqual([descriptors.length, isCut, openDescriptors() - before], [16, true, 16]);
    descriptors.forEach(closeDescriptor);
    near.send(
      Buffer.from('x'),
      Array.from({ length: 16 }, () => 0),
    );
    const last = far.receive(8)!;
    deepEqual([last.descriptors.length, last.isCut], [16, false]);
    last.descriptors.forEach(closeDescriptor);
  });

  it('end with a packet without bytes when the peer closes', async () => {
    near.close();
    equal((await next(far)).bytes.length, 0);
  });

  it('are not sent where the peer’s queue is full, nor after a close', () => {
    let sent = 0;
    while (near.send(Buffer.alloc(1000))) sent++;
    equal(sent > 0, true);
    near.close();
    near.close();
    throws(() => near.send(Buffer.alloc(1)), { code: 'NATIVE_PACKET' });
    equal(near.receive(8), undefined);
  });

  it('fail with the name of the kernel’s error where the peer is gone', () => {
    far.close();
    throws(() => near.send(Buffer.alloc(1)), { code: 'NATIVE_PACKET', errno: 'EPIPE' });
  });

  it('leave neither a descriptor nor the path behind', () => {
    for (const one of [near, far, listener]) one.close();
    const before = openDescriptors();
    const again = new PacketListener(path(), () => undefined);
    const dialled = connectPackets(path());
    dialled.close();
    again.close();
    deepEqual([openDescriptors() - before, existsSync(path())], [0, false]);
    throws(() => connectPackets(path()), { code: 'NATIVE_SOCKET', errno: 'ENOENT' });
    throws(() => connectPackets('x'.repeat(108)), { code: 'NATIVE_SOCKET' });
    equal(openDescriptors() - before, 0);
  });
});
