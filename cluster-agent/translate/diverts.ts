import type { Diversion } from '@isthmus/api/domain/directive.ts';

/** `service` is `<namespace>/<name>`. */
export const divertsService = ({ services }: Diversion, service: string): boolean =>
  services.length === 0 || services.includes(service);
