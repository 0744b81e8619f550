/** What the tests use of npm `macaroon`, which has no types of its own. */
declare module 'macaroon' {
  export interface Macaroon {
    readonly signature: Uint8Array;
    addFirstPartyCaveat(condition: string | Uint8Array): void;
    addThirdPartyCaveat(key: Uint8Array, identifier: Uint8Array, location?: string): void;
    bindToRoot(signature: Uint8Array): void;
    exportJSON(): unknown;
    /** `check` answers with a text when it refuses; every falsy answer accepts. Throws when the macaroon does not hold. */
    verify(key: Uint8Array, check: (condition: string) => string | null, discharges?: readonly Macaroon[]): void;
  }
  export function newMacaroon(parts: {
    rootKey: Uint8Array;
    identifier: Uint8Array;
    location?: string;
    version?: number;
  }): Macaroon;
  export function importMacaroon(json: unknown): Macaroon;
}
