/** Schemas of single members: names, actions, times, ids. What each accepts is decided by core and caveats, said here in words. */
import { z } from '@hono/zod-openapi';
import { parseAddress, parseRange } from '../../caveats/ip-address.js';
import { parseRfc3339 } from '../../caveats/rfc3339.js';
import { isAction, isActionPattern, isName, isUuidText, limits } from '../../core/index.js';
import { isMacKeyText } from '../../protocol/shared-key-hmac.js';
import { maxRequiredCaveats } from '../domain/grants.js';

const rootKeyIdPattern = /^[A-Za-z0-9_-]{22}$/;
const countPattern = /^(?:0|[1-9]\d{0,14})$/;
const maxGeneration = 0xffff_ffff;

/** Name of a client or an audience. */
export const name = z
  .string()
  .max(limits.maxNameLength)
  .refine(isName, { error: 'a name has lower-case letters, digits, and inner ".", "_" or "-"' })
  .openapi({ example: 'invoice' });

/** An action that can be asked for. */
export const action = z
  .string()
  .max(limits.maxActionLength)
  .refine(isAction, { error: 'an action is spelled like invoices:read, without *' })
  .openapi({ example: 'invoices:read' });

/** Actions or patterns of them. */
export const actions = z
  .array(
    z
      .string()
      .max(limits.maxActionLength)
      .refine(isActionPattern, { error: 'an action is spelled like invoices:read or invoices:*' })
      .openapi({ example: 'invoices:read' }),
  )
  .min(1)
  .max(limits.maxActions)
  .readonly();

/** Conditions such as `ip 10.0.0.0/8`; their grammar is checked where they are added. */
const condition = z.string().min(1).max(limits.maxConditionBytes).openapi({ example: 'ip 10.0.0.0/8' });

export const conditions = z.array(condition).max(limits.maxCaveats).readonly();

export const requiredConditions = z.array(condition).max(maxRequiredCaveats).readonly();

export const seconds = z.int().min(1).openapi({ example: 3600 });

export const time = z
  .string()
  .refine((text) => parseRfc3339(text) !== undefined, { error: 'a time is spelled like 2026-11-21T22:21:00Z' })
  .openapi({ format: 'date-time', example: '2026-11-21T22:21:00Z' });

export const tokenId = z
  .string()
  .refine(isUuidText, { error: 'a token id is a UUIDv7 in lower case' })
  .openapi({ format: 'uuid', example: '019f0c7e-3c2a-7b1d-8f00-3a5f6c1d2e4b' });

export const rootKeyId = z
  .string()
  .regex(rootKeyIdPattern, { error: 'a root key id is base64url of 16 bytes' })
  .openapi({ example: 'AZ8MfjwqfxuPADpfbB0uSw' });

export const invitationId = z.string().min(1).max(64).openapi({ example: 'inv_AAECAwQFBgcICQoL' });

/** A nonce or a MAC of `shared_key_hmac`. */
export const macKeyText = z.string().refine(isMacKeyText, { error: 'base64url of 32 bytes is expected, without padding' });

export const credentialId = z.string().min(1).max(64);

export const generation = z.int().min(0).max(maxGeneration);

export const address = z
  .string()
  .refine((text) => parseAddress(text) !== undefined, { error: 'not an IPv4 or IPv6 address' })
  .openapi({ example: '10.1.2.3' });

const range = z
  .string()
  .refine((text) => parseRange(text) !== undefined, { error: 'a range is spelled like 10.0.0.0/8, without host bits' })
  .openapi({ example: '10.0.0.0/8' });

export const ranges = z.array(range).max(64).readonly();

export const hosts = z
  .array(z.string().min(1).max(253).openapi({ example: 'mail.example.com' }))
  .max(32)
  .readonly();

/** Alternatives of auth methods; which methods go together is decided by the use case. */
export const authPolicy = z
  .array(z.array(z.string().max(64)).max(8).readonly())
  .max(64)
  .readonly()
  .openapi({ example: [['tls_client_auth'], ['http_sig', 'ip']] });

/** One PEM block. */
export const pem = z.string().min(1).max(16_384);

/** base64url SHA-256 of a certificate. */
export const certificateThumbprint = z
  .string()
  .regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, { error: 'a thumbprint is base64url of 32 bytes' })
  .openapi({ example: 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' });

/** A whole number in a query, where everything is text. */
export const count = z
  .string()
  .regex(countPattern, { error: 'a whole number is expected' })
  .transform(Number)
  .openapi({ type: 'integer', minimum: 0 });

/** A whole number of at most 32 bits in a query. */
export const generationCount = count
  .refine((value) => value <= maxGeneration, { error: 'a generation has at most 32 bits' })
  .openapi({ type: 'integer', minimum: 0, maximum: maxGeneration });
