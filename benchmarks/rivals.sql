-- The same headline by hand, one SELECT per metric, each named by `-- @metric`: value, n, and the sums its interval needs.
-- {mart} is a relation over the mart's Parquet files; {start}, {end} are days, {start_d}, {end_d} their numbers since 1970.

-- @nps
WITH customers AS (
  SELECT coalesce(customer_id, response_id) AS who, count(*) AS n, sum((score >= 9)::INT) AS p, sum((score <= 6)::INT) AS d
  FROM {scores} WHERE dimension = 'nps' AND is_last AND NOT is_blank AND NOT is_refused AND answered_on >= {start} AND answered_on < {end} GROUP BY 1)
SELECT 100.0 * (sum(p) - sum(d)) / sum(n) AS value, sum(n) AS n, sum(n * n), sum((p - d) * (p - d)), sum((p - d) * n), count(*) FROM customers

-- @nps_bands
SELECT avg((score >= 9)::INT) AS value, count(*) AS n, avg((score <= 6)::INT), count(DISTINCT coalesce(customer_id, response_id))
FROM {scores} WHERE dimension = 'nps' AND is_last AND NOT is_blank AND NOT is_refused AND answered_on >= {start} AND answered_on < {end}

-- @satisfaction
WITH customers AS (
  SELECT coalesce(customer_id, response_id) AS who, count(*) AS n, sum(score) AS t, sum(score * score) AS q, sum((score >= scale_max - 1)::INT) AS b
  FROM {scores}
  WHERE lower(dimension) <> 'nps' AND is_last AND NOT is_blank AND NOT is_refused AND answered_on >= {start} AND answered_on < {end} GROUP BY 1)
SELECT sum(t) / sum(n) AS value, sum(n) AS n, sum(q), sum(b), sum(n * n), sum(t * t), sum(t * n) FROM customers

-- @response_rate
WITH customers AS (
  SELECT customer_id, sum((delivered OR responded)::INT) AS d, sum(responded::INT) AS r, max(greatest(revenue_year, 0)) AS v
  FROM {asked} WHERE sent_on >= {start} AND sent_on < {end} GROUP BY 1)
SELECT sum(r) / sum(d) AS value, sum(d) AS n, sum(v), sum(if(r > 0, v, 0)), count(*) FROM customers

-- @revenue
WITH customers AS (SELECT customer_id, sum(revenue) AS x FROM {purchases} WHERE purchased_on >= {start} AND purchased_on < {end} GROUP BY 1)
SELECT sum(x) AS value, count(*) AS n, sum(x * x) FROM customers

-- @arppu
WITH customers AS (
  SELECT customer_id, sum(revenue) AS x FROM {purchases} WHERE purchased_on >= {start} AND purchased_on < {end} GROUP BY 1 HAVING sum(orders) > 0)
SELECT sum(x) / count(*) AS value, count(*) AS n, sum(x * x) FROM customers

-- @concentration
WITH customers AS (SELECT customer_id, sum(revenue) AS x FROM {purchases} WHERE purchased_on >= {start} AND purchased_on < {end} GROUP BY 1 HAVING sum(revenue) <> 0),
ranked AS (SELECT greatest(x, 0) AS x, row_number() OVER (ORDER BY x DESC) AS place, 0.2 * count(*) OVER () AS top FROM customers)
SELECT sum(x * least(1, greatest(0, top - place + 1))) / sum(x) AS value, count(*) AS n FROM ranked

-- @mrr
WITH spans AS (
  SELECT r.customer_id, sum(r.amount_per_month * if(r.currency = 'CNY', 1, d.rate)) AS x
  FROM {recurring} r LEFT JOIN {daily_rates} d ON d.currency = r.currency AND d.on_d = {end_d} - 1
  WHERE r.from_on < {end} AND (r.to_on IS NULL OR r.to_on >= {end}) GROUP BY 1 HAVING x > 0.005)
SELECT sum(x) AS value, count(*) AS n, sum(x * x) FROM spans

-- @arpa
WITH spans AS (
  SELECT r.customer_id, sum(r.amount_per_month * if(r.currency = 'CNY', 1, d.rate)) AS x
  FROM {recurring} r LEFT JOIN {daily_rates} d ON d.currency = r.currency AND d.on_d = {end_d} - 1
  WHERE r.from_on < {end} AND (r.to_on IS NULL OR r.to_on >= {end}) GROUP BY 1 HAVING x > 0.005)
SELECT avg(x) AS value, count(*) AS n, sum(x * x) FROM spans

-- @nrr
WITH ends AS (
  SELECT r.customer_id, r.amount_per_month * if(r.currency = 'CNY', 1, d.rate) AS x, r.from_on < {start} AND (r.to_on IS NULL OR r.to_on >= {start}) AS o,
    r.from_on < {end} AND (r.to_on IS NULL OR r.to_on >= {end}) AS c
  FROM {recurring} r LEFT JOIN {daily_rates} d ON d.currency = r.currency AND d.on_d = {start_d} - 1 WHERE o OR c),
customers AS (SELECT customer_id, sum(if(o, x, 0)) AS a, sum(if(c, x, 0)) AS b FROM ends GROUP BY 1 HAVING a > 0.005)
SELECT sum(b) / sum(a) AS value, count(*) AS n, sum(a * a), sum(b * b), sum(a * b) FROM customers

-- @grr
WITH ends AS (
  SELECT r.customer_id, r.amount_per_month * if(r.currency = 'CNY', 1, d.rate) AS x, r.from_on < {start} AND (r.to_on IS NULL OR r.to_on >= {start}) AS o,
    r.from_on < {end} AND (r.to_on IS NULL OR r.to_on >= {end}) AS c
  FROM {recurring} r LEFT JOIN {daily_rates} d ON d.currency = r.currency AND d.on_d = {start_d} - 1 WHERE o OR c),
customers AS (SELECT customer_id, sum(if(o, x, 0)) AS a, least(a, sum(if(c, x, 0))) AS m FROM ends GROUP BY 1 HAVING a > 0.005)
SELECT sum(m) / sum(a) AS value, count(*) AS n, sum(a * a), sum(m * m), sum(a * m) FROM customers

-- @retention
WITH ends AS (
  SELECT customer_id, amount_per_month AS x, from_on < {start} AND (to_on IS NULL OR to_on >= {start}) AS o, from_on < {end} AND (to_on IS NULL OR to_on >= {end}) AS c
  FROM {recurring} WHERE o OR c),
customers AS (SELECT customer_id, sum(if(c, x, 0)) > 0.005 AS kept FROM ends GROUP BY 1 HAVING sum(if(o, x, 0)) > 0.005)
SELECT avg(kept::INT) AS value, count(*) AS n FROM customers

-- @logo_churn
WITH ends AS (
  SELECT customer_id, amount_per_month AS x, from_on < {start} AND (to_on IS NULL OR to_on >= {start}) AS o, from_on < {end} AND (to_on IS NULL OR to_on >= {end}) AS c
  FROM {recurring} WHERE o OR c),
customers AS (SELECT customer_id, sum(if(c, x, 0)) > 0.005 AS kept FROM ends GROUP BY 1 HAVING sum(if(o, x, 0)) > 0.005),
stays AS (
  SELECT customer_id, max((to_on >= {start} AND to_on < {end})::INT) AS gone, max((from_on < {start} AND (to_on IS NULL OR to_on >= {start}))::INT) AS there
  FROM {episodes} GROUP BY 1 HAVING gone = 1)
SELECT 1 - avg(kept::INT) AS value, count(*) AS n, (SELECT count(*) FROM stays), (SELECT count(*) FROM stays WHERE there = 0) FROM customers

-- @arpu
WITH sold AS (SELECT customer_id, sum(revenue) AS x FROM {purchases} WHERE purchased_on >= {start} AND purchased_on < {end} GROUP BY 1),
there AS (
  SELECT customer_id, sum((least(coalesce(to_on, {end}), {end}) - greatest(from_on, {start})) / 30.4375) AS t
  FROM {episodes} WHERE from_on < {end} AND coalesce(to_on, {end}) > {start} GROUP BY 1)
SELECT sum(coalesce(x, 0)) / sum(t) AS value, count(*) AS n, sum(x * x), sum(t * t), sum(x * t) FROM there LEFT JOIN sold USING (customer_id)

-- @activity
WITH bought AS (
  SELECT customer_id, purchased_on, revenue, orders, lag(if(orders > 0, purchased_on, NULL) IGNORE NULLS) OVER (PARTITION BY customer_id ORDER BY purchased_on) AS before
  FROM {purchases} WHERE purchased_on < {end}),
customers AS (
  SELECT customer_id, {end} - max(purchased_on) FILTER (orders > 0) AS silence, max(coalesce(orders > 0 AND purchased_on >= {start} AND purchased_on - before > 180, false)::INT) AS back,
    sum(revenue) FILTER (purchased_on >= {end} - 365) AS revenue
  FROM bought GROUP BY 1 HAVING silence IS NOT NULL)
SELECT avg((silence <= 90 AND back = 0)::INT) AS value, count(*) AS n, avg((silence > 180)::INT), sum(revenue) FROM customers

-- @win_rate
SELECT sum((outcome = 'won')::INT) / sum((outcome <> 'open')::INT) AS value, sum((outcome <> 'open')::INT) AS n, count(*), sum(if(outcome = 'won', amount_reporting, 0))
FROM {deal_facts} WHERE {day:created_at} >= {start} AND {day:created_at} < {end}

-- @open_pipeline
SELECT sum(amount_reporting) AS value, count(*) AS n, count(amount_reporting) FROM {deal_facts}
WHERE {day:created_at} < {end} AND (outcome = 'open' OR {day:closed_at} >= {end})

-- @lost_reasons
WITH lost AS (
  SELECT reached, reached_stage, lost_reason, count(*) AS k, sum(amount_reporting) AS amount FROM {deal_facts}
  WHERE outcome = 'lost' AND {day:created_at} >= {start} AND {day:created_at} < {end} GROUP BY ALL)
SELECT k / sum(k) OVER (PARTITION BY reached) AS value, sum(k) OVER (PARTITION BY reached) AS n, amount FROM lost ORDER BY reached, lost_reason

-- @funnel_to_cash
WITH steps AS (
  SELECT position, count(*) AS n, sum(is_passed::INT) AS got, sum(amount_reporting) FILTER (is_passed) AS amount FROM {deal_steps}
  WHERE {day:created_at} >= {start} AND {day:created_at} < {end} GROUP BY 1)
SELECT got / n AS value, n FROM steps ORDER BY position DESC

-- @funnel
SELECT sum(is_passed::INT) / count(*) AS value, count(*) AS n, sum(amount_reporting) FILTER (is_passed), sum((outcome = 'won')::INT) FROM {deal_steps}
WHERE {day:created_at} >= {start} AND {day:created_at} < {end} GROUP BY position, stage ORDER BY position

-- @sales_cycle
SELECT NULL AS value, count(*) AS n, outcome, greatest(0, epoch(coalesce(closed_at, {end}::TIMESTAMPTZ) - created_at)) // 3600 AS hours FROM {deal_facts}
WHERE {day:created_at} >= {start} AND {day:created_at} < {end} GROUP BY outcome, hours

-- @lead_conversion
WITH won AS (SELECT lead_id, count(*) AS deals, sum((outcome = 'won')::INT) AS won FROM {deal_facts} WHERE lead_id IS NOT NULL GROUP BY 1)
SELECT avg((deals IS NOT NULL OR lower(status) = 'converted')::INT) AS value, count(*) AS n, sum((won > 0)::INT)
FROM {leads} l LEFT JOIN won USING (lead_id) WHERE NOT l.is_deleted AND {day:created_at} >= {start} AND {day:created_at} < {end}

-- @cohorts
WITH firsts AS (SELECT customer_id, min(from_on) AS first FROM {episodes} GROUP BY 1 HAVING first >= {start} AND first < {end}),
ages AS (
  SELECT DISTINCT f.customer_id, date_trunc('month', first) AS cohort, datediff('month', first, month) AS age
  FROM firsts f LEFT JOIN {customer_months} m ON m.customer_id = f.customer_id AND m.recurring > 0)
SELECT count(*) / any_value(size) AS value, any_value(size) AS n FROM ages JOIN (SELECT date_trunc('month', first) AS cohort, count(*) AS size FROM firsts GROUP BY 1) USING (cohort)
WHERE age >= 0 GROUP BY cohort, age ORDER BY cohort, age

-- @grades
WITH bought AS (SELECT customer_id, sum(revenue) AS revenue FROM {purchases} WHERE purchased_on >= {start} AND purchased_on < {end} GROUP BY 1),
tiers AS (SELECT grade, count(*) AS k, sum(revenue) AS revenue FROM {accounts} LEFT JOIN bought USING (customer_id) WHERE lost_on IS NULL OR lost_on >= {end} GROUP BY 1)
SELECT k / sum(k) OVER () AS value, sum(k) OVER () AS n, revenue FROM tiers ORDER BY grade NULLS LAST

-- @segment_change_rate
WITH ends AS (SELECT max(ends_on) AS now FROM {customer_quarters} WHERE ends_on <= {end}),
rows AS (SELECT q.customer_id, q.ends_on, q.held FROM {customer_quarters} q, ends WHERE q.ends_on IN ((SELECT now FROM ends), (SELECT max(ends_on) FROM {customer_quarters} WHERE ends_on <= {start})))
SELECT avg((a.held <> b.held)::INT) AS value, count(*) AS n FROM rows a JOIN rows b ON a.customer_id = b.customer_id AND a.ends_on < b.ends_on AND a.held IS NOT NULL AND b.held IS NOT NULL

-- @tickets_answered
SELECT avg(coalesce(coalesce(first_response_at, solved_at) <= opened_at + INTERVAL 24 HOUR, false)::INT) AS value, count(*) AS n, count(first_response_at) FROM {tickets}
WHERE NOT is_deleted AND {day:opened_at} >= {start} AND {day:opened_at} < {end} AND {local:opened_at} <= {end} - INTERVAL 24 HOUR

-- @tickets_solved
SELECT avg(coalesce(solved_at <= opened_at + INTERVAL 7 DAY AND reopened_count = 0, false)::INT) AS value, count(*) AS n, count(solved_at) FROM {tickets}
WHERE NOT is_deleted AND {day:opened_at} >= {start} AND {day:opened_at} < {end} AND {local:opened_at} <= {end} - INTERVAL 7 DAY

-- @open_tickets
SELECT count(*) AS value, count(*) AS n, max({end} - {day:opened_at}), median({end} - {day:opened_at}) FROM {tickets}
WHERE NOT is_deleted AND {day:opened_at} < {end} AND (solved_at IS NULL OR {day:solved_at} >= {end})
