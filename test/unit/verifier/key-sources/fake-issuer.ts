/** An issuer in memory, behind the interface that the key sources use. Answers at once unless a test holds them back. */
import { formatRfc3339 } from '../../../../src/caveats/rfc3339.js';
import { encodeBase64url, MacaroonError } from '../../../../src/core/index.js';
import type { VerifyRequest, WireRevocationTarget } from '../../../../src/protocol/wire.js';
import type { IssuerApi } from '../../../../src/verifier/key-sources/issuer-api.js';
import { audienceKey, client, generation, nowMs, rootKeyId } from '../samples.js';

export interface FakeKey {
  readonly root_key_id: string;
  readonly generation: number;
  readonly client: string;
  readonly key: string;
  readonly state: string;
}

export const firstKey: FakeKey = {
  root_key_id: rootKeyId,
  generation,
  client,
  key: encodeBase64url(audienceKey().reveal()),
  state: 'active',
};

export function keyOfGeneration(keyGeneration: number): FakeKey {
  return { ...firstKey, generation: keyGeneration, key: encodeBase64url(audienceKey(keyGeneration).reveal()) };
}

export class FakeIssuer implements IssuerApi {
  keys: FakeKey[] = [firstKey];
  revoked: (WireRevocationTarget & Readonly<Record<string, unknown>>)[] = [];
  pageSize = 100;
  readonly calls: string[] = [];
  isReachable = true;
  isClosed = false;
  /** Runs when a question has been sent; its answer is made afterwards, from what the issuer holds then. */
  beforeAnswer: (call: string) => Promise<void> | void = () => {};
  /** Runs on an answer on its way back. */
  afterAnswer: (call: string) => Promise<void> | void = () => {};
  verifyAnswer: unknown;
  readonly verifyRequests: VerifyRequest[] = [];

  revoke(target: WireRevocationTarget): void {
    this.revoked.push({ ...target });
  }

  countOf(call: string): number {
    return this.calls.filter((one) => one.startsWith(call)).length;
  }

  audienceKeys(audience: string, after: number): Promise<unknown> {
    return this.#answer(`keys ${audience} ${after}`, () => this.#page('keys', this.keys, after));
  }

  audienceKey(audience: string, id: string, keyGeneration: number): Promise<unknown> {
    return this.#answer(`key ${audience} ${id} ${keyGeneration}`, () =>
      this.keys.find((key) => key.root_key_id === id && key.generation === keyGeneration),
    );
  }

  revocations(after: number): Promise<unknown> {
    return this.#answer(`revocations ${after}`, () => {
      const dated = this.revoked.map((target, index) => ({
        seq: index + 1,
        revoked_at: formatRfc3339(nowMs),
        expires_at: formatRfc3339(nowMs + 3_600_000),
        ...target,
      }));
      return this.#page('revocations', dated, after);
    });
  }

  verify(request: VerifyRequest): Promise<unknown> {
    this.verifyRequests.push(request);
    return this.#answer('verify', () => this.verifyAnswer);
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  async #answer(call: string, make: () => unknown): Promise<unknown> {
    this.calls.push(call);
    await this.beforeAnswer(call);
    if (!this.isReachable) throw new MacaroonError('ERR_ISSUER_UNREACHABLE', 'no route');
    const answer = make();
    await this.afterAnswer(call);
    return answer;
  }

  #page(name: string, items: readonly unknown[], after: number): unknown {
    if (after > items.length) {
      throw new MacaroonError('ERR_ISSUER_REFUSED', 'after is not a cursor', { problem: 'invalid_request', status: 400 });
    }
    const cursor = Math.min(items.length, after + this.pageSize);
    return { [name]: items.slice(after, cursor), cursor, more: cursor < items.length };
  }
}

/** A promise that a test settles. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open: () => void = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
