import { accessSync, chmodSync, constants, mkdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MeshError } from './mesh-error.ts';
import { fileError } from './file-error.ts';
import { readText } from './read-text.ts';
import { writeWhole } from './write-whole.ts';

// The lock is SQLite's own on a database that stays empty: it is taken by fcntl, so the kernel gives it back with the
// process however that ends, it holds between containers that share a volume, and taking it is one step. Who has it
// stands in a file beside it, as a process must not open its own locked file again: closing it would end the lock.
//
// On a volume of Kubernetes: the files say nothing about who has the lock, so those of a pod that is gone block nobody. A
// volume of one node (ReadWriteOnce) is in one kernel, which has one lock, also for pods that are there at the same time. On
// NFS the server keeps the lock, and gives it back when the lease of a node that is gone is over, a minute or two later. A
// network file system that keeps locks on each node (NFS with nolock, SMB with nobrl) lets two in: `networkFileSystem`
// names these kinds, and what a store has of its own, an epoch, is then all that ends the older one.
const lockFile = 'lock.db';
const holderFile = 'lock-holder.json';

export interface FolderLock {
  release(): void;
}

/** Held until they are released: a database that is collected as garbage gives its lock back. */
const held = new Map<DatabaseSync, string>();

const isHeldHere = (folder: string): boolean => [...held.values()].includes(resolve(folder));

/**
 * Makes a private folder (0700) if it is not there, and takes it for this process alone. `program` names who wants it,
 * in errors. Throws FOLDER_UNUSABLE, and FOLDER_IN_USE with the pid of the process that has it; nothing was changed.
 */
export function lockFolder(folder: string, program: string): FolderLock {
  const path = join(folder, lockFile);
  let db: DatabaseSync;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw fileError('FOLDER_UNUSABLE', folder, 'used as state folder', realCause(folder, cause));
  }
  if (!takeLock(db, folder)) {
    db.close();
    throw new MeshError('FOLDER_IN_USE', inUse(folder, program));
  }
  held.set(db, resolve(folder));
  try {
    chmodSync(path, 0o600);
    writeHolder(join(folder, holderFile), { pid: process.pid, host: hostname(), program });
  } catch (error) {
    release(db);
    throw error;
  }
  return { release: () => release(db) };
}

/** It is for messages alone: on a disk that is full the lock is held without it, as what is kept there can be served. */
function writeHolder(path: string, holder: Holder): void {
  try {
    writeWhole(path, JSON.stringify(holder));
  } catch (error) {
    const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    rmSync(path, { force: true });
  }
}

/** False when another process has it. */
function takeLock(db: DatabaseSync, folder: string): boolean {
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (cause) {
    if ((cause as { errcode?: number }).errcode === sqliteBusy) return false;
    db.close();
    throw fileError('FOLDER_UNUSABLE', folder, 'used as state folder', realCause(folder, cause));
  }
}

const sqliteBusy = 5;

function release(db: DatabaseSync): void {
  if (held.delete(db)) db.close();
}

/** SQLite says that it cannot open or write, and not why: the file system is asked once more. */
function realCause(folder: string, cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'ERR_SQLITE_ERROR') return cause;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return cause;
  } catch (error) {
    return error;
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly program: string;
}

function inUse(folder: string, program: string): string {
  const holder = readHolder(join(folder, holderFile));
  const remedy = `stop that process first, or start this ${program} with another --state-dir`;
  // In pods each first process is 1, and a StatefulSet's have the same name one after the other.
  const isNamesake = holder?.pid === process.pid && holder.host === hostname() && !isHeldHere(folder);
  if (isNamesake)
    return `${folder} is in use by another container or pod of the name ${holder.host} (${holder.program}): wait until it has ended, or ${remedy}`;
  const where = holder?.host === hostname() ? '' : ` on ${holder?.host}`;
  const who = holder ? `process ${holder.pid}${where} (${holder.program})` : 'another process';
  return `${folder} is in use by ${who}: ${remedy}`;
}

/** Undefined while the one that has just taken the lock has yet to write who it is. */
function readHolder(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readText(path)) as Holder;
    return holder.host !== hostname() || isAlive(holder.pid) ? holder : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
