import type { CaptureKind } from '../configuration.ts';
import type { Capture, CaptureDeps } from './capture.ts';

/** The implementation of a kind of capture. What calls the C library is loaded where it is used alone. */
export async function captureOf(kind: CaptureKind): Promise<(deps: CaptureDeps) => Capture> {
  switch (kind) {
    case 'loopback': {
      const { Loopback } = await import('./loopback/loopback.ts');
      return (deps) => new Loopback(deps);
    }
    case 'pods': {
      const { Pods } = await import('./pods/pods.ts');
      return (deps) => new Pods(deps);
    }
    case 'host': {
      const { Host } = await import('./pods/host.ts');
      return (deps) => new Host(deps);
    }
  }
}
