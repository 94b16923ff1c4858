import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueLeaf, issueRoot, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem, readPrivateKey } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';

// node authority.ts FOLDER: a CA on 127.0.0.1:15012 that signs whatever it is asked for. Its root is `root.pem` in the folder;
// one that starts later, in another namespace, goes on with it.

const now = Date.now();
const folder = process.argv[2] ?? '';
const [rootFile, keyFile] = [join(folder, 'root.pem'), join(folder, 'root.key')];
if (!existsSync(rootFile)) {
  const key = generateKey();
  writeFileSync(keyFile, privateKeyPem(key.privateKey));
  writeFileSync(rootFile, certificatePem(issueRoot('test', key, { now }, systemRandom)));
}
const root = new X509Certificate(readFileSync(rootFile));
const issuer = { certificate: root, privateKey: readPrivateKey(readFileSync(keyFile, 'utf8')) };
const serving = generateKey();
const certificate = issueTlsServer(
  ['127.0.0.1', 'localhost'],
  serving.publicKey,
  issuer,
  { now },
  systemRandom,
);

interface Request {
  readonly csr: string;
  readonly impersonatedIdentity: string;
}

const server = new Server();
server.addService(certificateService, {
  createCertificate({ request }: ServerUnaryCall<Request, unknown>, answer: sendUnaryData<unknown>) {
    const csr = readCsr(request.csr);
    if (!csr.ok) throw new Error(csr.error);
    const { impersonatedIdentity } = request;
    const leaf = issueLeaf(impersonatedIdentity, csr.value.publicKey, issuer, { now }, systemRandom);
    answer(null, [certificatePem(leaf), certificatePem(root)]);
  },
});
const pair = {
  private_key: Buffer.from(privateKeyPem(serving.privateKey)),
  cert_chain: Buffer.from(certificatePem(certificate)),
};
server.bindAsync('127.0.0.1:15012', ServerCredentials.createSsl(null, [pair]), (error) => {
  if (error) throw error;
  process.send?.('listening');
});
