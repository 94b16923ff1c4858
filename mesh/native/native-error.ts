import { getSystemErrorName } from 'node:util';
import { MeshError, type NativeErrorCode } from '../process/mesh-error.ts';

/** What the kernel's refusal means here, and what to do about it, by call and errno or by errno. */
const remedies: Readonly<Record<string, string>> = {
  'setns EPERM': 'give the process the capability SYS_ADMIN',
  'setns EINVAL': 'the descriptor is no network namespace: mount its folder with HostToContainer propagation',
  EPERM: 'give the process the capability NET_ADMIN',
  EACCES: 'give this user access to it',
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'the namespace has no such address, or no port is left for it',
  EMFILE: 'this process has too many files open: raise the limit (ulimit -n)',
  ENOENT: 'nothing is there yet',
  ECONNREFUSED: 'no process listens there',
};

/** A system call that the kernel refused. `errno` is its name, as `EPERM`. */
export class NativeError extends MeshError {
  readonly errno: string;

  constructor(code: NativeErrorCode, call: string, errno: number) {
    const name = errno > 0 ? getSystemErrorName(-errno) : 'unknown';
    const remedy = remedies[`${call} ${name}`] ?? remedies[name];
    super(code, `${call} failed with ${name}${remedy === undefined ? '' : `: ${remedy}`}`);
    this.errno = name;
  }
}
