import { MeshError, type ProcessErrorCode } from './mesh-error.ts';

const remedies: Readonly<Record<string, string>> = {
  EACCES: 'give this user access to it, or name another place',
  EPERM: 'give this user access to it, or name another place',
  EROFS: 'the file system is mounted read-only: mount it for writing, or name another place',
  ENOSPC: 'the file system is full: make room',
  EDQUOT: 'the quota of this user is used up: make room',
  EFBIG: 'the file size limit of this process is reached: raise it (ulimit -f)',
  EIO: 'the disk failed: look at the kernel log, and replace the disk or restore a backup',
  ENOENT: 'it does not exist: create it, or name another place',
  ENOTDIR: 'a part of the path is not a folder: name another place',
  EEXIST: 'it is a file and no folder: remove it, or name another place',
  EISDIR: 'it is a folder and no file: remove it, or name another place',
  EMFILE: 'this process has too many files open: raise the limit (ulimit -n)',
};

/** A file system's refusal as a sentence with its remedy, e.g. `fileError('READ_FAILED', path, 'read', error)`. */
export function fileError(
  code: ProcessErrorCode,
  path: string,
  participle: string,
  cause: unknown,
): MeshError {
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  const remedy = remedies[errno] ?? (cause instanceof Error ? cause.message : String(cause));
  return new MeshError(
    code,
    `${path} cannot be ${participle}${errno === '' ? '' : ` (${errno})`}: ${remedy}`,
    {
      cause,
    },
  );
}
