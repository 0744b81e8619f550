/** Minting. */
import { mintResponse } from '../answer-schemas.js';
import { mintAnswerText } from '../mint-answer.js';
import { mintRequest } from '../request-schemas.js';
import { defineRoute, type Route } from '../route.js';

export const tokenRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/v1/tokens',
    access: { by: 'client' },
    summary: "Mint a token for an audience, within the client's grant",
    tag: 'tokens',
    body: mintRequest,
    status: 201,
    answer: mintResponse,
    problems: ['grant_exceeded', 'storage_full'],
    toText: mintAnswerText,
    handle: ({ services, caller, body }) => services.issuer.mint(caller, body),
  }),
];
