-- How often is mozbisect used on each day, through which front end?
--
-- For BigQuery. @since (a DATE) is the first day that counts. The rules are those of `mozbisect telemetry insights`, which
-- asks the same of exported pings; a test compares the two.
WITH once AS (
  SELECT
    DATE(submission_timestamp) AS day,
    IFNULL(NULLIF(metrics.string.usage_variant, ''), 'unknown') AS variant,
    IFNULL(client_info.app_display_version, '') AS version
  FROM
    `moz-fx-data-shared-prod`.org_mozilla_mozbisect_stable.usage_v1
  WHERE
    DATE(submission_timestamp) >= @since
  QUALIFY
    -- The stable tables hold a document once for each day, the live ones may hold it several times.
    ROW_NUMBER() OVER (PARTITION BY document_id ORDER BY submission_timestamp) = 1
)
SELECT
  day,
  variant,
  COUNT(*) AS uses
FROM
  once
WHERE
  version NOT LIKE '%.dev%'
GROUP BY
  day,
  variant
ORDER BY
  day,
  variant
