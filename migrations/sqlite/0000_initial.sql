CREATE TABLE `audience_generations` (
	`audience` text NOT NULL,
	`generation` integer NOT NULL,
	`revoked_at_ms` integer,
	`row_mac` text NOT NULL,
	PRIMARY KEY(`audience`, `generation`),
	FOREIGN KEY (`audience`) REFERENCES `audiences`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "audience_generations_generation" CHECK("generation" between 0 and 4294967295)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `audiences` (
	`name` text PRIMARY KEY NOT NULL,
	`generation` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	`change_seq` integer NOT NULL,
	`row_mac` text NOT NULL,
	CONSTRAINT "audiences_generation" CHECK("generation" between 0 and 4294967295)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `audit` (
	`seq` integer PRIMARY KEY NOT NULL,
	`at_ms` integer NOT NULL,
	`event` text NOT NULL,
	`actor` text NOT NULL,
	`client` text,
	`audience` text,
	`token_id` text,
	`address` text,
	`request_id` text,
	`details` text NOT NULL,
	`mac` text NOT NULL,
	CONSTRAINT "audit_details" CHECK(json_valid("details") and length(cast("details" as blob)) <= 4096)
) STRICT;
--> statement-breakpoint
CREATE INDEX `audit_by_client` ON `audit` (`client`) WHERE "client" is not null;--> statement-breakpoint
CREATE INDEX `audit_by_audience` ON `audit` (`audience`) WHERE "audience" is not null;--> statement-breakpoint
CREATE INDEX `audit_by_token` ON `audit` (`token_id`) WHERE "token_id" is not null;--> statement-breakpoint
CREATE INDEX `audit_by_event` ON `audit` (`event`);--> statement-breakpoint
CREATE INDEX `audit_by_actor` ON `audit` (`actor`);--> statement-breakpoint
CREATE INDEX `audit_by_time` ON `audit` (`at_ms`);--> statement-breakpoint
CREATE TABLE `clients` (
	`name` text PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`auth_policy` text NOT NULL,
	`ips` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`last_issued_at_ms` integer NOT NULL,
	`revoked_until_ms` integer NOT NULL,
	`row_mac` text NOT NULL,
	CONSTRAINT "clients_state" CHECK("state" in ('active', 'disabled')),
	CONSTRAINT "clients_auth_policy" CHECK(json_valid("auth_policy")),
	CONSTRAINT "clients_ips" CHECK(json_valid("ips")),
	CONSTRAINT "clients_last_issued_at" CHECK("last_issued_at_ms" >= 0),
	CONSTRAINT "clients_revoked_until" CHECK("revoked_until_ms" >= 0)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `credentials` (
	`id` text PRIMARY KEY NOT NULL,
	`client` text NOT NULL,
	`auth_method` text NOT NULL,
	`secret_hash` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`retired_at_ms` integer,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "credentials_secret_hash" CHECK(length("secret_hash") = 43)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `credentials_by_client` ON `credentials` (`client`);--> statement-breakpoint
CREATE TABLE `grants` (
	`client` text NOT NULL,
	`audience` text NOT NULL,
	`actions` text NOT NULL,
	`max_expires_ms` integer NOT NULL,
	`required_caveats` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`removed_at_ms` integer,
	`change_seq` integer NOT NULL,
	`row_mac` text NOT NULL,
	PRIMARY KEY(`client`, `audience`),
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`audience`) REFERENCES `audiences`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "grants_actions" CHECK(json_valid("actions")),
	CONSTRAINT "grants_max_expires" CHECK("max_expires_ms" > 0),
	CONSTRAINT "grants_required_caveats" CHECK(json_valid("required_caveats"))
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `grants_by_audience` ON `grants` (`audience`);--> statement-breakpoint
CREATE TABLE `pki` (
	`name` text PRIMARY KEY NOT NULL,
	`certificate_pem` text NOT NULL,
	`encrypted_private_key` text NOT NULL,
	`not_after_ms` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	`row_mac` text NOT NULL
) STRICT;
--> statement-breakpoint
CREATE TABLE `revocations` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`kind` text NOT NULL,
	`token_id` text,
	`client` text,
	`until_ms` integer,
	`root_key_id` text,
	`audience` text,
	`generation` integer,
	`revoked_at_ms` integer NOT NULL,
	`expires_at_ms` integer NOT NULL,
	`reason` text,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`root_key_id`) REFERENCES `root_keys`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`audience`) REFERENCES `audiences`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "revocations_target" CHECK(case "kind"
      when 'token' then "token_id" is not null and "audience" is not null
      when 'client' then "client" is not null and "until_ms" is not null
      when 'root_key' then "root_key_id" is not null
      when 'audience_key' then "audience" is not null and "generation" is not null
      else 0 end)
) STRICT;
--> statement-breakpoint
CREATE INDEX `revocations_by_token` ON `revocations` (`token_id`) WHERE "token_id" is not null;--> statement-breakpoint
CREATE INDEX `revocations_by_root_key` ON `revocations` (`root_key_id`) WHERE "root_key_id" is not null;--> statement-breakpoint
CREATE INDEX `revocations_by_client` ON `revocations` (`client`) WHERE "client" is not null;--> statement-breakpoint
CREATE TABLE `root_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`client` text NOT NULL,
	`generation` integer NOT NULL,
	`state` text NOT NULL,
	`encrypted_key` text,
	`created_at_ms` integer NOT NULL,
	`change_seq` integer NOT NULL,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "root_keys_state" CHECK("state" in ('active', 'passive', 'destroyed')),
	CONSTRAINT "root_keys_generation" CHECK("generation" >= 1),
	CONSTRAINT "root_keys_destroyed" CHECK(("state" = 'destroyed') = ("encrypted_key" is null))
) STRICT;
--> statement-breakpoint
CREATE UNIQUE INDEX `root_keys_by_client` ON `root_keys` (`client`,`generation`);--> statement-breakpoint
CREATE TABLE `settings` (
	`name` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `tokens` (
	`token_id` text PRIMARY KEY NOT NULL,
	`client` text NOT NULL,
	`audience` text NOT NULL,
	`root_key_id` text NOT NULL,
	`generation` integer NOT NULL,
	`credential_id` text,
	`issued_at_ms` integer NOT NULL,
	`expires_at_ms` integer NOT NULL,
	`row_mac` text NOT NULL,
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`root_key_id`) REFERENCES `root_keys`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`credential_id`) REFERENCES `credentials`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`audience`,`generation`) REFERENCES `audience_generations`(`audience`,`generation`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "tokens_expires_at" CHECK("expires_at_ms" > "issued_at_ms")
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `tokens_by_client` ON `tokens` (`client`,`expires_at_ms`);--> statement-breakpoint
CREATE INDEX `tokens_by_root_key` ON `tokens` (`root_key_id`,`expires_at_ms`);--> statement-breakpoint
CREATE INDEX `tokens_by_audience` ON `tokens` (`audience`,`generation`,`expires_at_ms`);--> statement-breakpoint
CREATE TABLE `verifiers` (
	`client` text NOT NULL,
	`audience` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`row_mac` text NOT NULL,
	PRIMARY KEY(`client`, `audience`),
	FOREIGN KEY (`client`) REFERENCES `clients`(`name`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`audience`) REFERENCES `audiences`(`name`) ON UPDATE no action ON DELETE no action
) STRICT, WITHOUT ROWID;
