const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** What Kubernetes takes as a label's key: a name, perhaps after a DNS prefix and a slash. */
export function isLabelKey(key: string): boolean {
  const [last = '', ...before] = key.split('/').reverse();
  return name.test(last) && (before.length === 0 || (before.length === 1 && prefix.test(before[0] ?? '')));
}

export const isLabelValue = (value: string): boolean => value === '' || name.test(value);
