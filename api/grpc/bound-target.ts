import { experimental, status, Metadata } from '@grpc/grpc-js';

/** A scheme of ours: `bound://<local address>/<host>:<port>` dials from the local address. */
const scheme = 'bound';

/**
 * The target for a channel whose connections leave from `localAddress`, so that the kernel's socket table shows whose
 * they are. '' leaves the choice to the kernel.
 */
export function boundTarget(hostPort: string, localAddress: string): string {
  if (localAddress === '') return hostPort;
  register();
  return `${scheme}://${localAddress}/${hostPort}`;
}

let registered = false;

/** grpc-js keeps resolvers per process; ours joins when the first bound target is made. */
function register(): void {
  if (!registered) experimental.registerResolver(scheme, BoundResolver);
  registered = true;
}

/** grpc-js hands an address whole to net.connect, which knows `localAddress` and resolves names itself. */
class BoundResolver implements experimental.Resolver {
  readonly #target: experimental.GrpcUri;
  readonly #listener: experimental.ResolverListener;
  #answered = false;

  constructor(target: experimental.GrpcUri, listener: experimental.ResolverListener) {
    this.#target = target;
    this.#listener = listener;
  }

  updateResolution(): void {
    if (this.#answered) return;
    this.#answered = true;
    process.nextTick(() => {
      if (this.#answered) this.#listener(this.#endpoints(), {}, null, '');
    });
  }

  destroy(): void {
    this.#answered = false;
  }

  static getDefaultAuthority(target: experimental.GrpcUri): string {
    return target.path;
  }

  #endpoints(): experimental.StatusOr<experimental.Endpoint[]> {
    const { path, authority } = this.#target;
    const at = experimental.splitHostPort(path);
    if (at?.port === undefined) {
      const details = `${path} is not host:port`;
      return experimental.statusOrFromError({ code: status.UNAVAILABLE, details, metadata: new Metadata() });
    }
    const address = { host: at.host, port: at.port, localAddress: authority };
    return experimental.statusOrFromValue([{ addresses: [address] }]);
  }
}
