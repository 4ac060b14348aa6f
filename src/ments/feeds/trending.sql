-- name: hold_trending()!
-- One list is made at a time, whoever makes it.
select pg_advisory_xact_lock(hashtextextended('ments.trending', 0));

-- name: find_latest_run()^
-- The list that is shown.
select id, made_at, read_until from trending_runs order by id desc limit 1;

-- name: add_heat(since, until, log_until, n)!
-- What was done to public posts since the last list makes them warm: each account counts once a post, its author not. Read by
-- summaries of when rows came (BRIN) and an index of replies by time: what is new is read, not what there is.
insert into trending_heat as h (post_id, heat)
select post_id, :log_until + ln(sum(weight)) / ln(2::float8)
from (
  select acts.post_id, acts.account_id, max(acts.weight) as weight
  from (
    (select post_id, account_id, 3::float8 as weight from likes where created_at > :since and created_at <= :until limit :n)
    union all
    (select post_id, account_id, 4 from reposts where created_at > :since and created_at <= :until limit :n)
    union all
    (select parent_post_id, account_id, 5 from posts
     where sorted_at > :since and sorted_at <= :until and parent_post_id is not null and status = 'published' limit :n)
  ) as acts
  join posts p on p.id = acts.post_id and p.account_id <> acts.account_id
    and p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
  group by acts.post_id, acts.account_id
) as counted
group by post_id
order by post_id
on conflict (post_id) do update
set heat = greatest(h.heat, excluded.heat) + ln(1 + power(2, -least(abs(h.heat - excluded.heat), 60))) / ln(2::float8);

-- name: forget_cold(log_cold)!
-- What has cooled down is looked at no more.
delete from trending_heat where heat < :log_cold;

-- name: list_warmest(n)
-- Which posts are looked at closely: the warmest, and those that operators pinned.
(select post_id as id from trending_heat order by heat desc, post_id limit :n)
union
select post_id from trending_overrides where kind = 'pinned';

-- name: list_pulses(ids, until, window_s, edges, most)
-- How accounts came to each post: for each stretch of age the weight of those whose first act within the window is of that
-- age; an account once, by the strongest of what it did. Of each kind the newest `most` acts of a post are read.
select p.id, p.account_id, p.sorted_at, counted.accounts, counted.pulses
from unnest(:ids::uuid[]) as wanted (id)
cross join lateral (
  select id, account_id, sorted_at from posts
  where id = wanted.id and status = 'published' and visibility = 'public' and parent_post_id is null
  limit 1
) as p
cross join lateral (
  select coalesce(sum(accounts), 0)::int as accounts, coalesce(jsonb_object_agg(bucket, weight), '{}') as pulses
  from (
    select width_bucket(extract(epoch from :until - first_at)::float8, :edges::float8[]) as bucket, count(*) as accounts,
      sum(weight) as weight
    from (
      select account_id, max(weight) as weight, min(at) as first_at
      from (
        (select l.account_id, 3::float8 as weight, l.created_at as at from likes l
         where l.post_id = p.id and l.created_at > :until - make_interval(secs => :window_s) and l.created_at <= :until
         order by l.created_at desc limit :most)
        union all
        (select r.account_id, 4, r.created_at from reposts r
         where r.post_id = p.id and r.created_at > :until - make_interval(secs => :window_s) and r.created_at <= :until
         order by r.created_at desc limit :most)
        union all
        (select a.account_id, 5, a.sorted_at from posts a
         where a.parent_post_id = p.id and a.status <> 'deleted' and a.status = 'published'
           and a.sorted_at > :until - make_interval(secs => :window_s) and a.sorted_at <= :until
         order by a.sorted_at desc limit :most)
      ) as acts
      where account_id <> p.account_id
      group by account_id
    ) as firsts
    group by bucket
  ) as buckets
) as counted
order by p.id;

-- name: list_overrides()
-- All that operators say now; they are few.
select post_id, kind, at from trending_overrides order by at, post_id;

-- name: list_since(run_id)
-- Since when the posts of a list are on it.
select post_id, since from trending_entries where run_id = :run_id;

-- name: insert_run(made_at, read_until, version, inputs, took_ms)$
-- A list and all that it was made of.
insert into trending_runs (made_at, read_until, version, inputs, took_ms)
values (:made_at, :read_until, :version, :inputs, :took_ms) returning id;

-- name: insert_entries(run_id, entries)!
-- Its posts.
insert into trending_entries (run_id, place, post_id, score, accounts, is_pinned, since)
select :run_id, e.place, e.post_id, e.score, e.accounts, e.is_pinned, e.since
from jsonb_to_recordset(:entries::jsonb)
  as e (place integer, post_id uuid, score float8, accounts integer, is_pinned boolean, since timestamptz);

-- name: list_entries(run_id, after, n)
-- A list from a place on, without what was taken off since it was made.
select e.place, e.post_id, e.score, e.accounts, e.is_pinned, e.since
from trending_entries e
where e.run_id = :run_id and e.place > :after
  and not exists (select from trending_overrides o where o.post_id = e.post_id and o.kind = 'removed')
order by e.place
limit :n;

-- name: list_whole(run_id)
-- A list as it was made.
select place, post_id, score, accounts, is_pinned, since from trending_entries where run_id = :run_id order by place;

-- name: get_run(id)^
-- A list of the history, with what it was made of.
select id, made_at, version, inputs, took_ms from trending_runs where id = :id;

-- name: list_runs(before, n)
-- The history, newest first.
select r.id, r.made_at, r.took_ms, r.version, (select count(*) from trending_entries e where e.run_id = r.id) as posts
from trending_runs r where r.id < :before order by r.id desc limit :n;

-- name: sweep_runs(kept_s, n)!
-- Lists of long ago go, with their posts.
delete from trending_runs where id = any(array(
  select id from trending_runs where made_at < clock_timestamp() - make_interval(secs => :kept_s) order by made_at limit :n
));

-- name: lock_post(id)^
-- A post that operators say something about: one that everybody may see.
select id from posts where id = :id and status = 'published' and visibility = 'public' and parent_post_id is null
for key share;

-- name: is_post(id)$
-- Whatever became of it.
select exists (select from posts where id = :id);

-- name: count_pinned()$
-- How many posts are pinned.
select count(*) from trending_overrides where kind = 'pinned';

-- name: set_override(post_id, kind)!
-- Pinned again, a post keeps its place.
insert into trending_overrides (post_id, kind) values (:post_id, :kind)
on conflict (post_id) do update set kind = excluded.kind, at = clock_timestamp()
where trending_overrides.kind <> excluded.kind;

-- name: clear_override(post_id)!
-- Its score alone counts again.
delete from trending_overrides where post_id = :post_id;

-- name: log_override(post_id, act, operator_id, operator_name, reason)!
-- Who did it.
insert into trending_override_log (post_id, act, operator_id, operator_name, reason)
values (:post_id, :act, :operator_id, :operator_name, :reason);

-- name: list_override_log(before, n)
-- What operators did, newest first.
select id, post_id, act, operator_name, reason, at from trending_override_log where id < :before order by id desc limit :n;

-- name: list_names(ids, n)
-- How operators know a post.
select p.id, left(p.content, :n) as content, a.username::text as author
from unnest(:ids::uuid[]) as wanted (id) join posts p on p.id = wanted.id join accounts a on a.id = p.account_id;
