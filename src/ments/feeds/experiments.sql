-- name: list_sums(experiment)
-- What the accounts of each variant did, as sums, squares and products: enough for the ratios and their spread. All rows of one
-- experiment, from the index of the key; the answer is kept for a minute.
select variant, count(*) as accounts, sum(impressions)::float8 as impressions, sum(impressions::float8 * impressions) as ii,
  sum(clicks)::float8 as clicks, sum(clicks::float8 * clicks) as cc, sum(clicks::float8 * impressions) as ci,
  sum(likes)::float8 as likes, sum(likes::float8 * likes) as ll, sum(likes::float8 * impressions) as li,
  sum(shares)::float8 as shares, sum(shares::float8 * shares) as ss, sum(shares::float8 * impressions) as si,
  sum(dwell_ms / 1000.0)::float8 as dwell, sum((dwell_ms / 1000.0)::float8 ^ 2) as dd,
  sum((dwell_ms / 1000.0)::float8 * impressions) as di, min(first_at) as first_at
from experiment_exposures
where experiment = :experiment and impressions > 0
group by variant;
