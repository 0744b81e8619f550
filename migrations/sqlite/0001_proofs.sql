CREATE TABLE `certificates` (
	`thumbprint` text PRIMARY KEY NOT NULL,
	`serial` text,
	`client` text,
	`not_before_ms` integer NOT NULL,
	`not_after_ms` integer NOT NULL,
	`issued_at_ms` integer NOT NULL,
	`revoked_at_ms` integer,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "certificates_thumbprint" CHECK(length("thumbprint") = 43)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `certificates_by_client` ON `certificates` (`client`) WHERE "client" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX `certificates_by_serial` ON `certificates` (`serial`) WHERE "serial" is not null;--> statement-breakpoint
CREATE INDEX `certificates_revoked` ON `certificates` (`not_after_ms`) WHERE "revoked_at_ms" is not null;--> statement-breakpoint
CREATE TABLE `invitations` (
	`id` text PRIMARY KEY NOT NULL,
	`client` text,
	`uses_left` integer NOT NULL,
	`encrypted_key` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer NOT NULL,
	`row_mac` text NOT NULL,
	CONSTRAINT "invitations_uses_left" CHECK("uses_left" >= 0)
) STRICT;
--> statement-breakpoint
ALTER TABLE `clients` ADD `hosts` text CONSTRAINT "clients_hosts" CHECK(json_valid("hosts"));--> statement-breakpoint
ALTER TABLE `grants` ADD `bind` text CONSTRAINT "grants_bind" CHECK(json_valid("bind"));--> statement-breakpoint
-- `tokens` refers to `credentials`, and foreign keys stay on: they are checked at the commit, when every row is back under its name. The
-- index is for that alone.
PRAGMA defer_foreign_keys=ON;--> statement-breakpoint
CREATE INDEX `tokens_by_credential` ON `tokens` (`credential_id`);--> statement-breakpoint
CREATE TABLE `old_credentials` AS SELECT * FROM `credentials`;--> statement-breakpoint
DROP TABLE `credentials`;--> statement-breakpoint
CREATE TABLE `credentials` (
	`id` text PRIMARY KEY NOT NULL,
	`client` text NOT NULL,
	`auth_method` text NOT NULL,
	`algorithm` text,
	`secret_hash` text,
	`encrypted_secret` text,
	`public_key` text,
	`binding` text,
	`ips` text,
	`created_at_ms` integer NOT NULL,
	`retired_at_ms` integer,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "credentials_secret_hash" CHECK(length("secret_hash") = 43),
	CONSTRAINT "credentials_ips" CHECK(json_valid("ips")),
	CONSTRAINT "credentials_proof" CHECK(case "auth_method"
      when 'client_secret_basic' then "algorithm" is null and "secret_hash" is not null and "public_key" is null and "binding" is null and "encrypted_secret" is null
      when 'http_sig' then case when "algorithm" is 'hmac-sha256' then "algorithm" is not null and "secret_hash" is null and "public_key" is null and "binding" is null and ("encrypted_secret" is null) = ("retired_at_ms" is not null)
        else "algorithm" is not null and "secret_hash" is null and "public_key" is not null and "binding" is null and "encrypted_secret" is null
          and "algorithm" in ('ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512') end
      when 'challenge_response' then "algorithm" is not null and "secret_hash" is null and "public_key" is not null and "binding" is null and "encrypted_secret" is null
        and "algorithm" in ('sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256', 'decrypt-rsa-oaep-256')
      when 'encrypted_time' then "algorithm" is null and "secret_hash" is null and "public_key" is null and "binding" is null and ("encrypted_secret" is null) = ("retired_at_ms" is not null)
      when 'shared_key_hmac' then "algorithm" is null and "secret_hash" is null and "public_key" is null and "binding" is not null and "binding" glob 'enrolment:*' and ("encrypted_secret" is null) = ("retired_at_ms" is not null)
      when 'tls_client_auth' then "algorithm" is null and "secret_hash" is null and "public_key" is null and "binding" is not null and "encrypted_secret" is null
        and ("binding" glob 'uri:*' or "binding" glob 'dns:*' or "binding" glob 'dn:*')
      when 'self_signed_tls_client_auth' then "algorithm" is null and "secret_hash" is null and "public_key" is null and "binding" is not null and "binding" glob 'x5t:*' and "encrypted_secret" is null
      else 0 end)
) STRICT;
--> statement-breakpoint
INSERT INTO `credentials`("id", "client", "auth_method", "secret_hash", "created_at_ms", "retired_at_ms", "row_mac") SELECT "id", "client", "auth_method", "secret_hash", "created_at_ms", "retired_at_ms", "row_mac" FROM `old_credentials` ORDER BY "created_at_ms", "id";--> statement-breakpoint
DROP TABLE `old_credentials`;--> statement-breakpoint
DROP INDEX `tokens_by_credential`;--> statement-breakpoint
CREATE INDEX `credentials_by_client` ON `credentials` (`client`);--> statement-breakpoint
CREATE UNIQUE INDEX `credentials_by_binding` ON `credentials` (`binding`) WHERE "binding" is not null;
