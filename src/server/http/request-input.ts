/** Reads and checks what a request brings: parameters of the path, query, body. Every wrong member is named, with a pointer to it. */
import type { z } from '@hono/zod-openapi';
import { whenKnown } from '../../core/index.js';
import type { Known } from '../domain/ports.js';
import { pointerOf } from './json-pointer.js';
import { type FieldError, invalidFields } from './problem-error.js';
import { type QuickCheck, quickCheckOf } from './quick-check.js';
import { readJsonBody } from './request-body.js';
import type { RequestFacts } from './request-facts.js';
import { type FoundRoute, nothing, type Route } from './route.js';

export interface RequestInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

const maxErrors = 16;

const noMembers: Readonly<Record<string, never>> = Object.freeze({});

/** The checked input of the route that was found. Throws `invalid_request`, `payload_too_large`, `unsupported_media_type`. */
export function readInput({ route, params: given }: FoundRoute, facts: RequestFacts): Known<RequestInput> {
  const params = checked(route.params, given);
  const query = checked(route.query, readQuery(facts.target));
  if (!takesBody(route)) return { params, query, body: noMembers };
  return whenKnown(readJsonBody(facts), (body) => ({ params, query, body: checked(route.body, body) }));
}

function takesBody({ method }: Route): boolean {
  return method === 'post' || method === 'put';
}

/** Text by name. Throws for a name that is given twice: which of them counts must not be a matter of taste. */
function readQuery(target: string): Readonly<Record<string, string>> {
  const start = target.indexOf('?');
  if (start < 0) return noMembers;
  const members = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(target.slice(start + 1))) {
    if (members.has(name)) throw invalidFields({ pointer: pointerOf([name]), detail: 'given more than once' });
    members.set(name, value);
  }
  return Object.fromEntries(members);
}

/** By schema; made when it is first asked. */
const quickChecks = new WeakMap<z.ZodType, QuickCheck>();

function checked(schema: z.ZodType, value: unknown): unknown {
  if (value === noMembers && schema === nothing) return value;
  let isGood = quickChecks.get(schema);
  if (isGood === undefined) {
    isGood = quickCheckOf(schema);
    quickChecks.set(schema, isGood);
  }
  if (isGood(value)) return value;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidFields(...result.error.issues.flatMap(toFieldErrors).slice(0, maxErrors));
}

type Issue = z.core.$ZodIssue;

function toFieldErrors(issue: Issue): readonly FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: pointerOf([...issue.path, key]), detail: 'unknown member' }));
  }
  return [{ pointer: pointerOf(issue.path), detail: issue.message }];
}
