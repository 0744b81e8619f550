/** The list of revoked certificates that everybody may fetch: signed anew only when it differs or ages, as a signature for each who asks is work. */
import type { IssuerDependencies } from './ports.js';

const maxAgeMs = 3_600_000;

/** A list in both of its encodings. */
export interface RevocationList {
  readonly der: Uint8Array;
  readonly pem: string;
}

/** Gives the list as it is now. Its number is the time that it was made, in milliseconds, so that it grows over restarts too. */
export function createRevocationLists({ store, clock, certificates }: IssuerDependencies): () => Promise<RevocationList> {
  let made: { readonly of: string; readonly number: number; readonly list: Promise<RevocationList> } | undefined;
  return async () => {
    const nowMs = clock();
    const entries = (await store.read.revokedCertificates(nowMs)).flatMap(({ serial, revokedAtMs }) =>
      serial === null || revokedAtMs === null ? [] : [{ serial, revokedAtMs }],
    );
    const of = JSON.stringify(entries);
    if (made?.of === of && Math.abs(nowMs - made.number) < maxAgeMs) return await made.list;
    const number = Math.max(nowMs, (made?.number ?? 0) + 1);
    const list = certificates.revocationList(entries, number);
    made = { of, number, list };
    // One that could not be made is tried again.
    list.catch(() => {
      if (made?.list === list) made = undefined;
    });
    return await list;
  };
}
