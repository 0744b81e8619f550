/**
 * Room on the disk that is held back by a file of its own, so that revoking still works when the disk is full: the file is then
 * removed. A full disk is not helped otherwise: even a checkpoint of the database fails on it and frees nothing.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import type { Clock, RandomBytes } from '../../core/index.js';

const chunkBytes = 256 * 1024;
const retryAfterMs = 1000;

/** 16 MiB: the 4 MiB that the WAL grows to between checkpoints, and some thousands of revocations with their audit entries. */
export const defaultReserveBytes = 16 * 1024 * 1024;

export interface Reserve {
  /** Whether the room is held now; looked up each time, as another process may have given it up. */
  isHeld(): boolean;
  /** Tries to hold the room again, at most once a second; whether it is held then. */
  restore(): boolean;
  /** Gives the room to the database. */
  giveUp(): void;
}

export interface ReserveOptions {
  readonly file: string;
  readonly bytes: number;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** A reserve in `options.file`; nothing is made until `restore`. */
export function createReserve(options: ReserveOptions): Reserve {
  let triedAtMs = Number.NEGATIVE_INFINITY;
  const isHeld = () => (statSync(options.file, { throwIfNoEntry: false })?.size ?? -1) >= options.bytes;
  return {
    isHeld,
    restore() {
      const nowMs = options.clock();
      // A clock that was set back must not stop the tries.
      if (nowMs >= triedAtMs && nowMs - triedAtMs < retryAfterMs) return isHeld();
      triedAtMs = nowMs;
      if (!isHeld()) allocate(options);
      return isHeld();
    },
    giveUp() {
      rmSync(options.file, { force: true });
    },
  };
}

/** Writes the whole file beside its place, so that half a reserve is never taken for one. */
function allocate({ file, bytes, randomBytes }: ReserveOptions): void {
  const unfinished = `${file}.new`;
  // Random bytes: a file system that compresses or leaves holes must hold back real room too.
  const chunk = randomBytes(Math.min(bytes, chunkBytes));
  try {
    const descriptor = openSync(unfinished, 'w', 0o600);
    try {
      for (let written = 0; written < bytes; ) {
        written += writeSync(descriptor, chunk, 0, Math.min(chunk.length, bytes - written));
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(unfinished, file);
  } catch {
    // No room: the caller sees that the reserve is not held.
    rmSync(unfinished, { force: true });
  }
}
