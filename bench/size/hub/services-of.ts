/** Each service is held by two clusters, but the first, which is held by one: its changes go to all others. */
export const servicesOf = (cluster: number, count: number): readonly string[] => [
  `only-${cluster}`,
  ...Array.from({ length: count - 1 }, (_, i) => `s-${Math.floor(cluster / 2)}-${i}`),
];
