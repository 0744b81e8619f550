-- The entry of a token in the audit log is the record of it. A token without one could not be revoked any more: the database is then left as it was.
CREATE TABLE `unrecorded_tokens` (
	`token_id` text,
	CONSTRAINT "unrecorded_tokens_none" CHECK("token_id" is null)
) STRICT;
--> statement-breakpoint
INSERT INTO `unrecorded_tokens` SELECT "token_id" FROM `tokens` WHERE NOT EXISTS (SELECT 1 FROM `audit` WHERE "audit"."token_id" = "tokens"."token_id" AND "audit"."event" = 'token.minted');--> statement-breakpoint
DROP TABLE `unrecorded_tokens`;--> statement-breakpoint
INSERT INTO `audit_blocks` SELECT DISTINCT 'token', iif(substr("token_id", 1, 12) = printf('%08x-%03x', "at_ms" >> 16, "at_ms" >> 4 & 4095), substr("token_id", 1, 12), "token_id"), "seq" >> 8 FROM `audit` WHERE "token_id" IS NOT NULL;--> statement-breakpoint
DROP INDEX `audit_by_token`;--> statement-breakpoint
DROP TABLE `tokens`;
