/** Answers that prove themselves: what the side that answers needs to add its signature, whatever the scheme. */

/** An answer as it will go over the wire. */
export interface PlainAnswer {
  /** HTTP status, 200 to 599. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for HEAD, 204 and 304. */
  readonly body: Uint8Array;
}

/** Headers to add to `answer`, which must not be changed afterwards. */
export type AnswerSigner = (answer: PlainAnswer) => Promise<Readonly<Record<string, string>>>;
