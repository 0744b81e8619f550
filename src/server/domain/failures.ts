/**
 * Failed proofs and denied tokens in the audit log: the first of a kind (client, address, reason) at once, repetitions as one count
 * a minute, and only so many kinds a minute, so that strangers cannot fill the disk.
 */
import { isName } from '../../core/index.js';
import { record } from './audit-trail.js';
import type { FailureNote } from './issuer.js';
import type { IssuerDependencies } from './ports.js';

const bucketMs = 60_000;
const maxKindsPerBucket = 100;
const many = '(many)';

interface Repetition {
  readonly note: FailureNote;
  count: number;
}

export interface FailureLog {
  note(note: FailureNote): Promise<void>;
  flush(): Promise<void>;
}

/** A log of failures over the store. Nothing it does throws: a failure that cannot be noted must not turn into another answer. */
export function createFailureLog(deps: IssuerDependencies): FailureLog {
  let bucket = 0;
  let kinds = new Map<string, Repetition>();

  async function write(note: FailureNote, count: number): Promise<void> {
    const { event, client, address, requestId, reason } = note;
    const actor = { client: '(anonymous)', address, requestId };
    try {
      await deps.store.transaction('grow', (tx) => record(tx, deps.clock(), actor, event, { client }, { reason, count }));
    } catch {
      // The store reports its own trouble through its health; the caller's denial stands either way.
    }
  }

  async function flush(): Promise<void> {
    const repeated = [...kinds.values()].filter((kind) => kind.count > 0);
    kinds = new Map();
    for (const { note, count } of repeated) await write({ ...note, requestId: undefined }, count);
  }

  return {
    async note(given) {
      const now = Math.floor(deps.clock() / bucketMs);
      if (now !== bucket) {
        bucket = now;
        await flush();
      }
      const claimed = given.client === undefined || isName(given.client) ? given.client : '(malformed)';
      const note: FailureNote = { ...given, client: claimed };
      const key = JSON.stringify([note.event, note.client, note.address, note.reason]);
      const known = kinds.get(key);
      if (known !== undefined) {
        known.count++;
      } else if (kinds.size < maxKindsPerBucket) {
        kinds.set(key, { note, count: 0 });
        await write(note, 1);
      } else {
        const manyKey = JSON.stringify([note.event, many]);
        const rest = kinds.get(manyKey) ?? { note: { event: note.event, client: many, reason: many }, count: 0 };
        rest.count++;
        kinds.set(manyKey, rest);
      }
    },
    flush,
  };
}
