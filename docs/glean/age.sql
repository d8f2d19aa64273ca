-- How many months old are the builds that are asked for, by app and build type?
--
-- For BigQuery. @since (a DATE) is the first day that counts; for the last six months:
-- DATE_SUB(CURRENT_DATE(), INTERVAL 6 MONTH). The rules are those of `mozbisect telemetry insights`, which asks the same
-- of exported pings; a test compares the two. In the stable and live tables a day is text, of which the first ten
-- characters count; in the views it is a moment, and the text is in raw_usage_bad_date and raw_usage_launch_date.
WITH once AS (
  SELECT
    DATE(submission_timestamp) AS day,
    IFNULL(NULLIF(metrics.string.usage_app, ''), 'unknown') AS app,
    metrics.string.usage_build_type AS build_type,
    IFNULL(
      SAFE_CAST(SUBSTR(metrics.datetime.usage_bad_date, 1, 10) AS DATE),
      SAFE_CAST(SUBSTR(metrics.datetime.usage_launch_date, 1, 10) AS DATE)
    ) AS asked,
    IFNULL(client_info.app_display_version, '') AS version
  FROM
    `moz-fx-data-shared-prod`.org_mozilla_mozbisect_stable.usage_v1
  WHERE
    DATE(submission_timestamp) >= @since
  QUALIFY
    -- The stable tables hold a document once for each day, the live ones may hold it several times.
    ROW_NUMBER() OVER (PARTITION BY document_id ORDER BY submission_timestamp) = 1
),
aged AS (
  SELECT
    app,
    build_type,
    -- Months on the calendar: from 31 May 2019 to 1 June 2020 there are 13, and so the age is 14.
    DATE_DIFF(day, IF(asked > day, day, asked), MONTH) + 1 AS months
  FROM
    once
  WHERE
    version NOT LIKE '%.dev%'
    AND build_type != ''
    -- Tomorrow is today already, further east; what lies beyond is a slip.
    AND asked <= DATE_ADD(day, INTERVAL 1 DAY)
),
quartered AS (
  SELECT
    app,
    build_type,
    months,
    PERCENTILE_CONT(months, 0.25) OVER (PARTITION BY app, build_type) AS lower_quartile,
    PERCENTILE_CONT(months, 0.5) OVER (PARTITION BY app, build_type) AS median,
    PERCENTILE_CONT(months, 0.75) OVER (PARTITION BY app, build_type) AS upper_quartile
  FROM
    aged
),
boxed AS (
  SELECT
    *,
    months < lower_quartile - 1.5 * (upper_quartile - lower_quartile)
    OR months > upper_quartile + 1.5 * (upper_quartile - lower_quartile) AS is_outlier
  FROM
    quartered
)
SELECT
  app,
  build_type,
  COUNT(*) AS pings,
  MIN(months) AS lowest,
  -- The fences are the last values that are no outliers.
  MIN(IF(is_outlier, NULL, months)) AS lower_fence,
  lower_quartile,
  median,
  upper_quartile,
  MAX(IF(is_outlier, NULL, months)) AS upper_fence,
  MAX(months) AS highest,
  COUNTIF(is_outlier) AS outliers
FROM
  boxed
GROUP BY
  app,
  build_type,
  lower_quartile,
  median,
  upper_quartile
ORDER BY
  pings DESC,
  app,
  build_type
