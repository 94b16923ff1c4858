/** Whether the proxies that are connected listen in the pod. WAITING: one has yet to answer, or none is connected. */
export type Listening =
  { readonly is: 'WAITING' } | { readonly is: 'YES' } | { readonly is: 'REFUSED'; readonly problem: string };
