import type { Workload } from '../records/workload.ts';

/** A classic sidecar speaks no HBONE, in either role. */
export const isClassic = ({ sidecar, transport }: Workload): boolean => sidecar || transport === 'istio-mtls';

/** Whether a workload's proxy answers Istio mTLS on the ports of the application. */
export const terminatesIstioMtls = ({
  transport,
  classicClients,
}: Pick<Workload, 'transport' | 'classicClients'>): boolean =>
  transport === 'istio-mtls' || (transport === 'hbone' && classicClients);
