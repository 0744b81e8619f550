/** What a grant binds its tokens to, as conditions of the token: where its client is, and what it proved itself with. */
import { formatAddress, parseAddress } from '../../caveats/ip-address.js';
import { limits } from '../../core/index.js';
import type { ClientCaller } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import type { ClientRecord, GrantBinding } from './records.js';

/** What a token can be bound to. */
export type BindingFacts = Pick<ClientCaller, 'address' | 'certificateThumbprint' | 'keyThumbprint'>;

/** One condition for each of `bind`. Throws `grant_exceeded` where the client did not prove itself with what is asked for. */
export function bindingConditions(bind: readonly GrantBinding[], client: ClientRecord, facts: BindingFacts): readonly string[] {
  return bind.map((binding) => conditionOf(binding, client, facts));
}

function conditionOf(binding: GrantBinding, client: ClientRecord, facts: BindingFacts): string {
  switch (binding) {
    case 'ip':
      return addressCondition(client, facts.address);
    case 'certificate':
      if (facts.certificateThumbprint !== undefined) return `cnf x5t#S256:${facts.certificateThumbprint}`;
      throw refusal('the grant binds its tokens to a client certificate: authenticate with one by a TLS auth method');
    case 'key':
      if (facts.keyThumbprint !== undefined) return `cnf jkt:${facts.keyThumbprint}`;
      throw refusal('the grant binds its tokens to a key: authenticate by a key pair, with http_sig or challenge_response');
  }
}

function addressCondition({ ips }: ClientRecord, callerAddress: string | undefined): string {
  if (ips.length > 0) {
    const condition = `ip ${ips.join(',')}`;
    if (condition.length <= limits.maxConditionBytes) return condition;
    throw refusal("the grant binds its tokens to the client's addresses, which are too many for a caveat: give it fewer ranges");
  }
  const address = parseAddress(callerAddress ?? '');
  if (address !== undefined) return `ip ${formatAddress(address)}`;
  throw refusal("the grant binds its tokens to the client's address, which cannot be told");
}

function refusal(message: string): IssuerError {
  return new IssuerError('grant_exceeded', message, '/audience');
}
