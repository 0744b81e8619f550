/**
 * Every limit of a token, in one place. Decoders check them before any hashing, encoders before anything is handed out.
 * Header budget: nginx refuses an `Authorization` header of about 8 KiB, so a token text stays below it.
 */

export const limits = Object.freeze({
  /** Characters of a token's text form. */
  maxTextLength: 7 * 1024,
  /** Characters of a token's text form from which tools warn: proxies in the way may refuse it. */
  warnTextLength: 4 * 1024,
  /** Characters or bytes of a token that is imported from another form; what it holds keeps to the other limits. */
  maxImportLength: 64 * 1024,
  /** Caveats of one macaroon. */
  maxCaveats: 64,
  /** Bytes of one condition, third-party identifier or verification id. */
  maxConditionBytes: 1024,
  /** Bytes of an identifier. */
  maxIdentifierBytes: 1024,
  /** Bytes of a location. */
  maxLocationBytes: 256,
  /** Discharges that travel with one root macaroon. */
  maxDischarges: 16,
  /** How deep discharges may ask for discharges; the root macaroon is at depth 0. */
  maxDischargeDepth: 4,
  /** Bytes of the name of a client or an audience. */
  maxNameLength: 64,
  /** Characters of one action. */
  maxActionLength: 128,
  /** Actions in one identifier or one `action` caveat. */
  maxActions: 32,
  /** Items in one `ip`, `method` or `path` caveat. */
  maxListItems: 64,
  /** Characters of the path of a request; a longer one is not canonical. */
  maxPathLength: 8 * 1024,
});
