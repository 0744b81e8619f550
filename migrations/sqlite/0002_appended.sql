CREATE TABLE `audit_blocks` (
	`kind` text NOT NULL,
	`value` text NOT NULL,
	`block` integer NOT NULL,
	PRIMARY KEY(`kind`, `value`, `block`)
) STRICT, WITHOUT ROWID;
--> statement-breakpoint
DROP INDEX `audit_by_client`;--> statement-breakpoint
DROP INDEX `audit_by_audience`;--> statement-breakpoint
DROP INDEX `audit_by_event`;--> statement-breakpoint
DROP INDEX `audit_by_actor`;--> statement-breakpoint
DROP INDEX `audit_by_time`;--> statement-breakpoint
DROP INDEX `tokens_by_client`;--> statement-breakpoint
DROP INDEX `tokens_by_root_key`;--> statement-breakpoint
DROP INDEX `tokens_by_audience`;--> statement-breakpoint
CREATE INDEX `revocations_by_audience_key` ON `revocations` (`audience`,`generation`) WHERE "generation" is not null;--> statement-breakpoint
INSERT INTO `audit_blocks` SELECT DISTINCT 'event', "event", "seq" >> 12 FROM `audit`
UNION SELECT 'name', "actor", "seq" >> 12 FROM `audit`
UNION SELECT 'name', "client", "seq" >> 12 FROM `audit` WHERE "client" IS NOT NULL
UNION SELECT 'audience', "audience", "seq" >> 12 FROM `audit` WHERE "audience" IS NOT NULL
UNION SELECT 'hour', strftime('%Y-%m-%dT%H', "at_ms" / 1000, 'unixepoch'), "seq" >> 12 FROM `audit`;
