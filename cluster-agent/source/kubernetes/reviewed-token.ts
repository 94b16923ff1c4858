import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { Caller } from '../../ca/authenticator.ts';

/** What tokens of proxies are made out for (Istio). */
export const audience = 'istio-ca';

const userShape = z.looseObject({
  username: z.string().default(''),
  extra: z.record(z.string(), z.array(z.string())).default({}),
});
type User = z.infer<typeof userShape>;

/** What an answered TokenReview says (authentication.k8s.io/v1). */
const reviewed = z.looseObject({
  status: z.looseObject({
    authenticated: z.boolean().default(false),
    error: z.string().default(''),
    audiences: z.array(z.string()).default([]),
    user: userShape.default({ username: '', extra: {} }),
  }),
});

/** Whom an answered TokenReview proves, or why nobody; undefined: it is no answer to a TokenReview. */
export function callerIn(answer: unknown): Result<Caller, string> | undefined {
  const read = reviewed.safeParse(answer);
  if (!read.success) return undefined;
  const { authenticated, error, audiences, user } = read.data.status;
  if (!authenticated)
    return err(`the API server does not accept the token${error === '' ? '' : `: ${error.slice(0, 500)}`}`);
  // A server that knows no audiences accepts any token: it says so by naming none.
  return audiences.includes(audience) ? callerOf(user) : err(`the token is not for audience ${audience}`);
}

function callerOf({ username, extra }: User): Result<Caller, string> {
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  if (namespace === undefined || serviceAccount === undefined)
    return err('the token is not one of a service account');
  const said = (name: string) => extra[`authentication.kubernetes.io/${name}`]?.[0] ?? '';
  const pod = { name: said('pod-name'), uid: said('pod-uid') };
  if (pod.name === '' || pod.uid === '')
    return err('the token is bound to no pod: mount a projected service account token');
  const node = said('node-name');
  if (node === '')
    return err(
      'the token names no node: Kubernetes 1.30 or newer writes it (ServiceAccountTokenPodNodeInfo), into tokens that it issues from then on',
    );
  return ok({ namespace, serviceAccount, pod, node });
}

/** When a token ends, epoch milliseconds, as it says itself: to be believed only of one that was reviewed. */
export function endOf(token: string): number | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { exp } = z.looseObject({ exp: z.number() }).parse(payload);
    return exp * 1000;
  } catch {
    return undefined;
  }
}
