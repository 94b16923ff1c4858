import type { TrafficShift } from '@isthmus/api/domain/directive.ts';
import type { ServiceKey } from '@isthmus/api/domain/names.ts';

export const divertsService = ({ services }: TrafficShift, service: ServiceKey): boolean =>
  services.length === 0 || services.includes(service);
