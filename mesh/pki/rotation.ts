/** When a certificate is renewed: at half of its life, spread by `jitter` in [0, 1) over a further tenth. */
export function renewAt(notBefore: number, notAfter: number, jitter: number): number {
  const life = notAfter - notBefore;
  return notBefore + life / 2 + (jitter * life) / 10;
}

export const shouldRenew = (now: number, notBefore: number, notAfter: number, jitter = 0): boolean =>
  now >= renewAt(notBefore, notAfter, jitter);
