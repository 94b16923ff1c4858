import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { jwtVerify, SignJWT } from 'jose';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { seal, unseal, type Sealing } from '@isthmus/mesh/pki/seal.ts';
import { AgentError } from '../../agent-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import type { Authenticator, Caller } from '../../ca/authenticator.ts';

const audience = 'istio-ca';
const purpose = 'token key';
const issuer = 'isthmus-files';

interface Claims {
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly serviceaccount?: { readonly name?: string };
    readonly pod?: { readonly name?: string; readonly uid?: string };
    readonly node?: { readonly name?: string };
  };
}

/** Projected tokens as Kubernetes would issue them, for where there is none: ES256, bound to pod and node. */
export class ProjectedTokens implements Authenticator {
  readonly #key: KeyObject;
  readonly #public: KeyObject;
  readonly #clock: Clock;

  /** The signing key is made at the first start and kept, sealed, at `path`. */
  constructor(path: string, { provider, random }: Sealing, clock: Clock) {
    if (!existsSync(path)) {
      const key = privateKeyPem(generateKey().privateKey);
      writeWhole(path, seal(key, purpose, provider, random));
    }
    this.#key = createPrivateKey(unseal(readText(path), purpose, provider));
    this.#public = createPublicKey(this.#key);
    this.#clock = clock;
  }

  issue({ namespace, serviceAccount, pod, node }: Caller, lifetimeSeconds: number): Promise<string> {
    const now = Math.floor(this.#clock.now() / 1000);
    const claims = {
      'kubernetes.io': { namespace, serviceaccount: { name: serviceAccount }, pod, node: { name: node } },
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetimeSeconds)
      .sign(this.#key);
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const token = /^Bearer (\S+)$/.exec(header ?? '')?.[1];
    if (token === undefined) throw refuse('the call carries no bearer token');
    let claims: Claims;
    try {
      const options = {
        audience,
        issuer,
        algorithms: ['ES256'],
        requiredClaims: ['exp', 'sub'],
        clockTolerance: 60,
        currentDate: new Date(this.#clock.now()),
      };
      claims = (await jwtVerify(token, this.#public, options)).payload as Claims;
    } catch (cause) {
      throw refuse(`the token is not valid here: ${cause instanceof Error ? cause.message : 'unreadable'}`);
    }
    const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'] ?? {};
    if (!namespace || !serviceaccount?.name || !pod?.name || !pod.uid || !node?.name)
      throw refuse('the token is bound to no pod on a node');
    return {
      namespace,
      serviceAccount: serviceaccount.name,
      pod: { name: pod.name, uid: pod.uid },
      node: node.name,
    };
  }
}

const refuse = (message: string) => new AgentError('UNAUTHENTICATED', message);
