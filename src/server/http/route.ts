/**
 * What a route is: one declaration that the router, the access check, the OpenAPI document and the tests all read. There is no other
 * way to add a path, so none can miss its access rule.
 */
import { z } from '@hono/zod-openapi';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import type { ProblemCode } from '../../protocol/problem.js';
import type { AdminCaller, ClientCaller, Origin } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import type { RawAnswer } from './answers.js';
import type { Services } from './services.js';

/** Who may call a route. */
export type Access =
  | { readonly by: 'anyone' }
  /** A client that proved itself. */
  | { readonly by: 'client' }
  /** A client that is a verifier of the audience that stands in the path or the body. */
  | { readonly by: 'verifier'; readonly audience: 'path' | 'body' }
  /** A client that is a verifier of some audience. */
  | { readonly by: 'verifier-any' }
  /** The holder of a macaroon for the issuer's own audience that covers `action`. */
  | { readonly by: 'admin'; readonly action: string }
  /** Either; what a client may do is decided by the use case. */
  | { readonly by: 'admin-or-client'; readonly action: string };

/** The caller that a handler gets under each access rule. */
export interface CallerUnder {
  readonly anyone: undefined;
  readonly client: ClientCaller;
  readonly verifier: ClientCaller;
  readonly 'verifier-any': ClientCaller;
  readonly admin: AdminCaller;
  readonly 'admin-or-client': AdminCaller | ClientCaller;
}

export type Caller = CallerUnder[keyof CallerUnder];

/** Told how to sign the answer, whatever it will be. */
export type OnSigner = (sign: AnswerSigner | undefined) => void;

/** Schema of a `RawAnswer`. */
export const rawAnswer = z.custom<RawAnswer>((value) => typeof value === 'object' && value !== null && 'bytes' in value);

/** What a handler gets: everything checked and typed. */
export interface Call<By extends keyof CallerUnder, Params, Query, Body> {
  readonly services: Services;
  readonly caller: CallerUnder[By];
  readonly origin: Origin;
  /** Where the connection itself comes from, perhaps a proxy. */
  readonly peerAddress: string | undefined;
  /** The `Accept` header; empty where there is none. */
  readonly accept: string;
  /** To be told how the answer proves itself, where the route finds that out by itself. */
  readonly onSigner: OnSigner;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

export interface RouteParts<
  A extends Access,
  Params extends z.ZodType,
  Query extends z.ZodType,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** As in OpenAPI: `/v1/clients/{client}`. */
  readonly path: string;
  readonly access: A;
  /** For people, in the OpenAPI document. */
  readonly summary: string;
  readonly tag: string;
  readonly params: Params;
  readonly query: Query;
  /** An empty body counts as `{}`. */
  readonly body: Body;
  readonly status: 200 | 201 | 204;
  readonly answer: Answer;
  /** What its use case refuses with, beyond what its access rule and its parameters tell. */
  readonly problems?: readonly ProblemCode[] | undefined;
  /** Media types that it may answer in; `answer` is then `rawAnswer`. JSON when absent. */
  readonly mediaTypes?: readonly string[] | undefined;
  /** Replaces `no-store`; only for what is public. */
  readonly cacheControl?: string | undefined;
  /** Whether its answer stays the same while the issuer runs: its text is made once. */
  readonly isConstant?: boolean | undefined;
  /** Its answer as JSON, where that is had quicker than from `JSON.stringify`, with the same text. */
  readonly toText?: ((answer: z.output<Answer>) => string) | undefined;
  /** Throws `ProblemError`, `IssuerError`, `MacaroonError`. */
  handle(call: Call<A['by'], z.output<Params>, z.output<Query>, z.output<Body>>): Known<z.output<Answer>>;
}

/** A route whose types are of no more interest: what the table holds. */
export type Route = RouteParts<Access, z.ZodType, z.ZodType, z.ZodType, z.ZodType>;

/** A route that was found for a request, with what its path says. */
export interface FoundRoute {
  readonly route: Route;
  /** Text by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** Schema of what must be absent. */
export const nothing = z.strictObject({});
type Nothing = typeof nothing;

type Optional<Parts, Keys extends keyof Parts> = Omit<Parts, Keys> & Partial<Pick<Parts, Keys>>;

/** A route; `params`, `query` and `body` are empty where not given. */
export function defineRoute<
  A extends Access,
  Answer extends z.ZodType,
  Params extends z.ZodType = Nothing,
  Query extends z.ZodType = Nothing,
  Body extends z.ZodType = Nothing,
>(parts: Optional<RouteParts<A, Params, Query, Body, Answer>, 'params' | 'query' | 'body'>): Route {
  return { params: nothing, query: nothing, body: nothing, ...parts } as Route;
}
