import { flag, value, type Value } from './value.ts';

export const crdsValues: readonly Value[] = [
  value(
    'foreignCRDs',
    false,
    flag,
    'Make the definitions of Istio, the Gateway API and the Multi-Cluster Services API that agents read, each only where the cluster has none of that name.',
  ),
];
