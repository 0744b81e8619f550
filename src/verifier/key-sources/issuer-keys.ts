/**
 * Keys and revocations of one audience, kept in step with the issuer: everything at the first use, then what changed, by polling. A
 * key that is not here is asked for singly. When contact is lost for too long, nothing is accepted any more until it is back.
 */
import { type Clock, MacaroonError, requireKnownNames } from '../../core/index.js';
import type { Credential } from '../../transport/credential.js';
import type { AudienceKey, KeyLookup, KeySource, RevocationCode, RevocationSubject } from '../result.js';
import { CursorFeed } from './cursor-feed.js';
import { type DatedRevocation, readAudienceKey, readAudienceKeys, readRevocations, unreadable } from './issuer-answers.js';
import { httpIssuerApi, type IssuerApi } from './issuer-api.js';
import { FetchBudget, KnownMisses } from './key-misses.js';
import { KeyRing } from './key-ring.js';
import { RevocationSet } from './revocation-set.js';
import { Stopwatch } from './stopwatch.js';

export interface IssuerKeysOptions {
  /**
   * From one poll's end to the next, whole milliseconds up to 2^31-1; 1,000 when absent. A revocation is in force that much later at
   * the most.
   */
  readonly pollIntervalMs?: number | undefined;
  /** How old the last contact may be, whole milliseconds up to 2^31-1, counted from when the poll was sent; 60,000 when absent, 5,000 to be strict. */
  readonly maxStalenessMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * A key source that follows the issuer named in `credential`, whose client must be a verifier of the audience. Serves the one audience
 * that it is first asked for. Nothing is sent before that; the first `find` waits for the first synchronisation and fails with it.
 * `find` throws `ERR_ISSUER_*` and `ERR_SOURCE_BUSY`, `revocationOf` throws `ERR_SOURCE_STALE`. Throws `ERR_ARGUMENT`.
 */
export function issuerKeys(credential: Credential, options: IssuerKeysOptions = {}): KeySource {
  return issuerKeysFrom(httpIssuerApi(credential, options.clock), options);
}

/** `issuerKeys` on any `IssuerApi`; what it answers is read as a stranger's. */
export function issuerKeysFrom(api: IssuerApi, options: IssuerKeysOptions = {}): KeySource {
  requireKnownNames(options, ['pollIntervalMs', 'maxStalenessMs', 'clock'], 'options');
  const { pollIntervalMs = 1000, maxStalenessMs = 60_000, clock = Date.now } = options;
  requireMs('pollIntervalMs', pollIntervalMs, 1);
  requireMs('maxStalenessMs', maxStalenessMs, pollIntervalMs);
  return new IssuerKeySource(api, pollIntervalMs, maxStalenessMs, clock);
}

const unknownKey: KeyLookup = Object.freeze({ found: false, code: 'ERR_KEY_UNKNOWN' });

class IssuerKeySource implements KeySource {
  readonly kind = 'keys';
  readonly #api: IssuerApi;
  readonly #maxStalenessMs: number;
  readonly #stopwatch: Stopwatch;
  readonly #misses = new KnownMisses();
  readonly #budget = new FetchBudget();
  readonly #asked = new Map<string, Promise<KeyLookup>>();
  /** Two lists, each polled by itself: a key list that is stuck must not keep revocations away. */
  readonly #keys: CursorFeed<AudienceKey, KeyRing>;
  readonly #revocations: CursorFeed<DatedRevocation, RevocationSet>;
  #audience: string | undefined;
  #isClosed = false;

  constructor(api: IssuerApi, pollIntervalMs: number, maxStalenessMs: number, clock: Clock) {
    this.#api = api;
    this.#maxStalenessMs = maxStalenessMs;
    this.#stopwatch = new Stopwatch(clock);
    const elapsedMs = (): number => this.#stopwatch.elapsedMs();
    this.#keys = new CursorFeed({
      fetchPage: async (after) => readAudienceKeys(await api.audienceKeys(this.#audience ?? '', after)),
      freshState: () => new KeyRing(),
      apply: (ring, page) => {
        for (const entry of page.items) ring.put(entry);
      },
      elapsedMs,
      pollIntervalMs,
    });
    this.#revocations = new CursorFeed({
      fetchPage: async (after) => readRevocations(await api.revocations(after)),
      // What was revoked stays so, also when the issuer comes back from a backup that does not know of it.
      freshState: (known) => known ?? new RevocationSet(),
      apply: (set, page) => {
        for (const item of page.items) this.#revoke(set, item);
      },
      elapsedMs,
      pollIntervalMs,
    });
  }

  find(audience: string, rootKeyId: string, generation: number): KeyLookup | Promise<KeyLookup> {
    this.#requireOpen();
    this.#audience ??= audience;
    if (audience !== this.#audience) {
      throw new MacaroonError('ERR_ARGUMENT', 'one issuerKeys serves one audience: make another', { argument: 'audience' });
    }
    const ring = this.#keys.state;
    const revocations = this.#revocations.state;
    if (ring === undefined || revocations === undefined) {
      const bothReady = Promise.all([this.#revocations.ready(), this.#keys.ready()]);
      return bothReady.then(() => this.find(audience, rootKeyId, generation));
    }
    const code = revocations.revocationOfKey(audience, rootKeyId, generation);
    if (code !== undefined) return { found: false, code };
    return ring.get(rootKeyId, generation) ?? this.#fetchMissing(audience, rootKeyId, generation);
  }

  revocationOf(subject: RevocationSubject): RevocationCode | undefined {
    this.#requireOpen();
    const { state, currentAsOfMs } = this.#revocations;
    if (state === undefined || this.#stopwatch.elapsedMs() - currentAsOfMs > this.#maxStalenessMs) {
      const message = `no contact with the issuer for more than ${this.#maxStalenessMs} ms, so revocations may be missing`;
      throw new MacaroonError('ERR_SOURCE_STALE', message, { cause: this.#revocations.failure });
    }
    return state.revocationOf(subject.audience, subject);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#keys.close();
    this.#revocations.close();
    await this.#api.close();
  }

  /** Keys are looked up past the revocations; they are dropped here so that a revoked key does not stay in memory. */
  #revoke(set: RevocationSet, { revocation, revokedAtMs }: DatedRevocation): void {
    set.add(revocation);
    set.forgetExpired(revokedAtMs);
    if (revocation.kind === 'root_key') this.#keys.state?.dropRootKey(revocation.rootKeyId);
    if (revocation.kind === 'audience_key' && revocation.audience === this.#audience) {
      this.#keys.state?.dropGeneration(revocation.generation);
    }
  }

  #fetchMissing(audience: string, rootKeyId: string, generation: number): KeyLookup | Promise<KeyLookup> {
    const name = `${rootKeyId}.${generation}`;
    const nowMs = this.#stopwatch.elapsedMs();
    if (this.#misses.has(name, nowMs)) return unknownKey;
    const asked = this.#asked.get(name);
    if (asked !== undefined) return asked;
    if (!this.#budget.take(nowMs)) {
      throw new MacaroonError('ERR_SOURCE_BUSY', 'too many unknown keys were asked for; try again in a second');
    }
    const answer = this.#fetchKey(audience, rootKeyId, generation).finally(() => this.#asked.delete(name));
    this.#asked.set(name, answer);
    return answer;
  }

  async #fetchKey(audience: string, rootKeyId: string, generation: number): Promise<KeyLookup> {
    const answer = await this.#api.audienceKey(audience, rootKeyId, generation);
    if (answer === undefined) {
      this.#misses.add(`${rootKeyId}.${generation}`, this.#stopwatch.elapsedMs());
      return unknownKey;
    }
    const entry = readAudienceKey(answer);
    if (entry.rootKeyId !== rootKeyId || entry.generation !== generation) throw unreadable('the key that was asked for');
    // It may have been revoked while the answer was under way.
    const code = this.#revocations.state?.revocationOfKey(audience, rootKeyId, generation);
    if (code !== undefined) return { found: false, code };
    return this.#keys.state?.put(entry) ?? { found: true, entry };
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new MacaroonError('ERR_SOURCE_STALE', 'the key source is closed');
  }
}

/** Throws `ERR_ARGUMENT` unless `value` is a whole number of milliseconds from `least` to the longest that a timer has. */
function requireMs(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least && value < 2 ** 31) return;
  const message = `${option} must be whole milliseconds, from ${least} to 2147483647`;
  throw new MacaroonError('ERR_ARGUMENT', message, { argument: option });
}
