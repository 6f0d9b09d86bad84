-- One SELECT per entity of the contract, each named by a comment `-- @entity`. Deterministic: every value is a hash of its row.
-- $customers, $lines, $answers, $deals: how many; $first: the first day; $days: days covered; u(i, salt): a share in [0, 1).

-- @owners
SELECT 'o' || i AS owner_id, 'Owner ' || i AS name, ['Sales', 'Service', 'Key accounts'][1 + i % 3] AS department, true AS is_active
FROM range(200) t(i)

-- @products
SELECT 'p' || i AS product_id, 'Product ' || i AS name, 'Category ' || (i % 12) AS category FROM range(500) t(i)

-- @campaigns
SELECT 'k' || i AS campaign_id, 'Campaign ' || i AS name, $first + (i * 50)::INT AS starts_on, $first + (i * 50 + 40)::INT AS ends_on,
  (1000 * (1 + i))::DECIMAL(18, 4) AS cost, 'CNY' AS currency
FROM range(20) t(i)

-- @rates
SELECT currency, $first + d::INT AS day, round(base * (1 + 0.03 * sin(d / 60.0)), 6) AS rate
FROM range($days) t(d), (VALUES ('USD', 7.1), ('EUR', 7.8)) r(currency, base)

-- @customers
SELECT 'c' || i AS customer_id, 'Customer ' || i AS name, if(u(i, 1) < 0.1, 'person', 'company') AS kind,
  ['machinery', 'food', 'software', 'chemicals', 'retail', 'energy', 'health', 'transport'][1 + (u(i, 2) * 8)::INT % 8] AS industry,
  if(u(i, 3) < 0.03, NULL, ['North', 'South', 'East', 'West', 'Centre', 'Overseas'][1 + (u(i, 3) * 6)::INT % 6]) AS region,
  ['small', 'medium', 'large', 'enterprise'][1 + (u(i, 4) * u(i, 5) * 4)::INT % 4] AS size,
  ['fair', 'web', 'partner', 'referral'][1 + (u(i, 6) * 4)::INT % 4] AS channel, 'o' || (u(i, 7) * 200)::INT % 200 AS owner_id,
  ['core', 'key', 'ordinary', 'potential'][1 + (sqrt(u(i, 8)) * 4)::INT % 4] AS grade, joined(i)::TIMESTAMP + INTERVAL 3 HOUR AS signed_at,
  joined(i) - 20 AS first_contact_on, if(u(i, 9) < 0.05, 'vip', NULL) AS tags
FROM range($customers) t(i)

-- @contacts
SELECT 'a' || i AS contact_id, 'c' || i AS customer_id, 'Person ' || i AS name, 'p' || i || '@example.com' AS email FROM range($customers) t(i)

-- @subscriptions
SELECT 's' || i || '-' || v AS subscription_id, 'c' || i AS customer_id, 'p' || (u(i, 20) * 500)::INT % 500 AS product_id,
  joined(i) + 365 * v::INT AS starts_on, if(u(i * 8 + v, 21) < 0.8 AND joined(i) + 365 * (v::INT + 1) > $first + $days, NULL, joined(i) + 365 * (v::INT + 1)) AS ends_on,
  ((100 + 900 * u(i, 22)) * (1 + 0.1 * v * (u(i, 23) - 0.3)))::DECIMAL(18, 4) AS amount_per_month, currency_of(i) AS currency, 'active' AS status,
  joined(i) + 365 * (v::INT + 1) AS renewal_on
FROM range($customers // 2) t(i), range(3) y(v)
WHERE joined(i) + 365 * v::INT < $first + $days AND u(i, 24) > 0.15 * v

-- @invoices
SELECT 'i' || b || '-' || i % 3 AS invoice_line_id, 'i' || b AS invoice_id, 'c' || c AS customer_id, 'p' || (u(i, 31) * 500)::INT % 500 AS product_id,
  issued AS issued_on, (if(credit, -1, 1) * (5 + 995 * u(i, 33) * u(i, 34)))::DECIMAL(18, 4) AS amount, currency_of(c) AS currency,
  (if(credit, -1, 1) * (1 + (u(i, 35) * 9)::INT))::DOUBLE AS quantity, if(credit, 'credit_note', if(u(i, 36) < 0.2, 'one_off', 'sale')) AS kind,
  if(u(b, 37) < 0.02, 'k' || (u(b, 38) * 20)::INT % 20, NULL) AS campaign_id
FROM (SELECT i, i // 3 AS b, buyer(i // 3) AS c, billed(i // 3) AS issued, u(i, 32) < 0.02 AS credit FROM range($lines) t(i))

-- @payments
SELECT 'r' || b AS payment_id, 'i' || b AS invoice_id, 'c' || buyer(b) AS customer_id, least(billed(b) + (u(b, 41) * 60)::INT, $first + $days - 1) AS paid_on,
  (15 + 900 * u(b, 42))::DECIMAL(18, 4) AS amount, currency_of(buyer(b)) AS currency, u(b, 43) < 0.02 AS is_failed
FROM range($lines // 3) t(b) WHERE u(b, 44) < 0.3

-- @leads
SELECT 'l' || i AS lead_id, 'c' || (u(i, 51) * $customers)::INT % $customers AS customer_id, 'o' || (u(i, 52) * 200)::INT % 200 AS owner_id,
  ['paid', 'organic', 'social', 'email', 'fair'][1 + (u(i, 53) * 5)::INT % 5] AS source_channel, created(i) AS created_at, 'open' AS status
FROM range($deals + $deals // 5) t(i)

-- @deals
SELECT 'd' || i AS deal_id, 'l' || i AS lead_id, 'c' || (u(i, 51) * $customers)::INT % $customers AS customer_id, 'o' || (u(i, 52) * 200)::INT % 200 AS owner_id,
  created(i) AS created_at, ['Lead', 'Follow-up', 'Quote', 'Contract'][reached(i)] AS stage, if(open(i), NULL, reached(i) = 4) AS is_won,
  if(open(i), NULL, stage_at(i, reached(i)::INT + 1)) AS closed_at, (1000 + 99000 * u(i, 64) * u(i, 65))::DECIMAL(18, 4) AS amount, currency_of(i) AS currency,
  if(open(i) OR reached(i) = 4, NULL, ['price', 'silence', 'competitor', 'timing'][1 + (u(i, 66) * 4)::INT % 4]) AS lost_reason,
  'p' || (u(i, 67) * 500)::INT % 500 AS product_id
FROM range($deals) t(i)

-- @deal_stages
SELECT 'd' || i AS deal_id, ['Lead', 'Follow-up', 'Quote', 'Contract'][s] AS stage, stage_at(i, s::INT) AS entered_at,
  if(open(i) AND s = reached(i), NULL, stage_at(i, s::INT + 1)) AS left_at
FROM range($deals) t(i), range(1, 5) y(s) WHERE s <= reached(i)

-- @interactions
SELECT 'n' || i AS interaction_id, 'c' || buyer(i) AS customer_id, 'o' || (u(i, 72) * 200)::INT % 200 AS owner_id, ['call', 'visit', 'mail'][1 + i % 3] AS channel,
  created(i) AS happened_at, if(u(i, 73) < 0.5, 'in', 'out') AS direction, if(u(i, 74) < 0.4, created(i) + INTERVAL 72 HOUR, NULL) AS next_due_at,
  if(u(i, 74) < 0.3, created(i) + INTERVAL 60 HOUR, NULL) AS next_done_at
FROM range($customers * 2) t(i)

-- @tickets
SELECT 't' || i AS ticket_id, 'c' || buyer(i) AS customer_id, ['enquiry', 'complaint', 'service'][1 + i % 3] AS kind, created(i) AS opened_at,
  created(i) + to_hours(1 + (u(i, 81) * 30)::INT) AS first_response_at, if(u(i, 82) < 0.9, created(i) + to_hours(24 + (u(i, 83) * 100)::INT), NULL) AS solved_at, 0 AS reopened_count
FROM range($customers // 2) t(i)

-- @surveys
SELECT 'w' || w AS survey_id, 'Wave ' || w AS name, 'relationship' AS kind, 'Wave ' || w AS wave, $first + (w * $days // 12)::INT AS sent_from,
  $first + (w * $days // 12 + 30)::INT AS sent_to
FROM range(12) t(w)

-- @questions
SELECT 'q' || q AS question_id, 'Question ' || q AS text, ['nps', 'service', 'product', 'price', 'delivery'][q + 1] AS dimension,
  if(q = 0, 0, 1)::DOUBLE AS scale_min, if(q = 0, 10, 5)::DOUBLE AS scale_max
FROM range(5) t(q)

-- @invitations
SELECT 'w' || r % 12 AS survey_id, 'c' || person(r) AS customer_id, 'a' || person(r) AS contact_id,
  ($first + ((r % 12) * $days // 12)::INT)::TIMESTAMP AS sent_at, u(r, 91) < 0.97 AS delivered
FROM range($answers // 5 * 3) t(r) QUALIFY row_number() OVER (PARTITION BY r % 12, person(r) ORDER BY r) = 1

-- @answers
SELECT 'x' || r || '-' || q AS answer_id, 'x' || r AS response_id, 'w' || r % 12 AS survey_id, 'q' || q AS question_id, 'c' || person(r) AS customer_id,
  'a' || person(r) AS contact_id, ($first + ((r % 12) * $days // 12)::INT)::TIMESTAMP + to_seconds((u(r, 92) * 2500000)::BIGINT) AS answered_at,
  if(u(r * 5 + q, 93) < 0.02, NULL, if(q = 0, round(10 * pow(u(r, 94), 0.4)), 1 + round(4 * pow((u(r, 94) + u(r * 5 + q, 95)) / 2, 0.6))))::DOUBLE AS score,
  ['sale', 'service', 'portal'][1 + (u(r, 96) * 3)::INT % 3] AS touchpoint
FROM range($answers // 5) t(r), range(5) y(q)
