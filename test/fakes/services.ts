import { formatServiceKey, type ServiceKey } from '@isthmus/api/domain/names.ts';

/** The key of a service in the namespace that most tests use. */
export const inShop = (name: string): ServiceKey => formatServiceKey({ namespace: 'shop', name });
