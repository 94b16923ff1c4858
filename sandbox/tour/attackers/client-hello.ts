/** The first message of a TLS client that asks for a server name with ALPN `istio`: enough for a gateway to read. */
export function clientHello(serverName: string): Buffer {
  const name = Buffer.from(serverName);
  const sni = vector(2, Buffer.concat([Buffer.of(0), vector(2, name)]));
  const alpn = vector(2, vector(1, Buffer.from('istio')));
  const extensions = vector(
    2,
    Buffer.concat([Buffer.of(0, 0), vector(2, sni), Buffer.of(0, 16), vector(2, alpn)]),
  );
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32),
    Buffer.of(0),
    vector(2, Buffer.of(0x13, 2)),
    vector(1, Buffer.of(0)),
    extensions,
  ]);
  return Buffer.concat([Buffer.of(0x16, 3, 1), vector(2, Buffer.concat([Buffer.of(1), vector(3, body)]))]);
}

/** Bytes behind their length in `size` bytes, big-endian. */
function vector(size: 1 | 2 | 3, bytes: Buffer): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
}
