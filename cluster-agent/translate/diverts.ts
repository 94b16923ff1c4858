import type { TrafficShift } from '@isthmus/api/domain/directive.ts';

/** `service` is `<namespace>/<name>`. */
export const divertsService = ({ services }: TrafficShift, service: string): boolean =>
  services.length === 0 || services.includes(service);
