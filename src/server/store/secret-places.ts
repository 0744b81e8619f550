/** Where secrets are kept, by what they belong to: their ciphertexts are tied to it. */
import type { SecretPlace } from './encryption.js';

/** Where the secret of a root key is kept. */
export function rootKeyPlace(row: { readonly id: string; readonly client: string; readonly generation: number }): SecretPlace {
  return { table: 'root_keys', rowId: row.id, purpose: 'root-key', owner: row.client, generation: row.generation };
}

/** Where the secret of a credential is kept. */
export function credentialPlace(row: { readonly id: string; readonly client: string }): SecretPlace {
  return { table: 'credentials', rowId: row.id, purpose: 'credential-secret', owner: row.client, generation: 0 };
}

/** Where the shared key of an invitation is kept. */
export function invitationPlace(row: { readonly id: string; readonly client: string | null }): SecretPlace {
  return { table: 'invitations', rowId: row.id, purpose: 'invitation-key', owner: row.client ?? '', generation: 0 };
}
