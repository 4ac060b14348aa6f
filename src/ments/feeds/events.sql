-- name: count_events(account_id, n)$
-- Adds to the account's events of this day and says how many they are; what else is written for the account waits for this row.
insert into feed_readers as r (account_id, day, events) values (:account_id, current_date, :n)
on conflict (account_id) do update
set day = current_date, events = case when r.day = current_date then r.events + :n else :n end
returning r.events;

-- name: insert_events(account_id, events)
-- Writes what is new of a batch, once by id, of posts that the account may see and did not write; answers with what was
-- written: what its interests are made of, and whether it is the first of its kind of that post.
with given as (
  select distinct on (g.id) g.*
  from jsonb_to_recordset(:events::jsonb) as g (id uuid, kind text, post_id uuid, dwell_ms integer, source text, at timestamptz)
), fit as (
  select g.*, p.account_id as author_id, p.environment_id,
    row_number() over (partition by g.post_id, g.kind order by g.at, g.id) as number,
    exists (select from feed_events e
            where e.account_id = :account_id and e.post_id = g.post_id and e.kind = g.kind) as known
  from given g join posts p on p.id = g.post_id and p.status = 'published' and p.account_id <> :account_id
  where (p.visibility = 'public'
         or (p.visibility = 'followers'
             and (p.followers_of = :account_id
                  or exists (select from follows f
                             where f.follower_id = :account_id and f.followee_id = coalesce(p.followers_of, p.account_id)))))
    and not exists (select from hidden_pairs h where h.viewer_id = :account_id and h.author_id = p.account_id)
), written as (
  insert into feed_events (account_id, event_id, kind, post_id, dwell_ms, source, happened_at)
  select :account_id, id, kind, post_id, dwell_ms, source, at from fit
  on conflict do nothing
  returning event_id
)
select f.kind, f.author_id, f.environment_id, f.dwell_ms, f.source, not f.known and f.number = 1 as is_first,
  coalesce((select case when m.kind = 'video' then 'video' else 'photo' end
            from post_media pm join media m on m.id = pm.media_id
            where pm.post_id = f.post_id order by pm.position limit 1),
           case when exists (select from polls q where q.post_id = f.post_id) then 'poll' else 'text' end) as form,
  array(select tag from post_hashtags t where t.post_id = f.post_id) as hashtags
from fit f join written w on w.event_id = f.id
order by f.at, f.id;

-- name: add_interests(account_id, signals, half_life_s)!
-- What was there fades to now before more is added. In the order of the key, under the account's row.
insert into interests as i (account_id, kind, key, score, at)
select :account_id, s.kind, s.key, s.amount, now()
from jsonb_to_recordset(:signals::jsonb) as s (kind text, key text, amount double precision)
order by s.kind, s.key
on conflict (account_id, kind, key) do update
set score = i.score * power(2, -least(extract(epoch from now() - i.at) / :half_life_s, 60)) + excluded.score, at = now();

-- name: forget_weakest(account_id, most, half_life_s)!
-- An account has so many interests at most.
delete from interests where account_id = :account_id and (kind, key) in (
  select kind, key from interests where account_id = :account_id
  order by score * power(2, -least(extract(epoch from now() - at) / :half_life_s, 60)) desc, kind, key
  offset :most
);

-- name: add_exposures(account_id, variants, impressions, clicks, likes, shares, dwell_ms)!
-- Adds what was seen and done in a ranked feed to the account's variant of each experiment.
insert into experiment_exposures as e (experiment, variant, account_id, impressions, clicks, likes, shares, dwell_ms)
select v.key, v.value, :account_id, :impressions, :clicks, :likes, :shares, :dwell_ms
from jsonb_each_text(:variants::jsonb) as v
on conflict (experiment, variant, account_id) do update
set impressions = e.impressions + excluded.impressions, clicks = e.clicks + excluded.clicks, likes = e.likes + excluded.likes,
  shares = e.shares + excluded.shares, dwell_ms = e.dwell_ms + excluded.dwell_ms;

-- name: sweep_events(kept_s, n)!
-- The oldest go, a bounded number at once; BRIN finds where they lie.
delete from feed_events where ctid = any(array(
  select ctid from feed_events where received_at < clock_timestamp() - make_interval(secs => :kept_s) limit :n
));

-- name: start_folding(account_id)$
-- Until when the account's reactions are in its interests already; its row is held until the transaction ends.
insert into feed_readers as r (account_id) values (:account_id)
on conflict (account_id) do update set account_id = excluded.account_id
returning folded_until;

-- name: end_folding(account_id, until)!
-- The same row, when they are in.
update feed_readers set folded_until = :until where account_id = :account_id;

-- name: list_reactions(account_id, since, until, n)
-- What an account did to others' posts in a time, the newest n of each kind. Each is read from an index of the account.
select d.act, p.account_id as author_id, p.environment_id,
  coalesce((select case when m.kind = 'video' then 'video' else 'photo' end
            from post_media pm join media m on m.id = pm.media_id
            where pm.post_id = p.id order by pm.position limit 1),
           case when exists (select from polls q where q.post_id = p.id) then 'poll' else 'text' end) as form,
  array(select tag from post_hashtags t where t.post_id = p.id) as hashtags
from (
  (select 'like' as act, post_id from likes
   where account_id = :account_id and created_at > :since and created_at <= :until order by created_at desc limit :n)
  union all
  (select 'repost', post_id from reposts
   where account_id = :account_id and created_at > :since and created_at <= :until order by created_at desc limit :n)
  union all
  (select 'bookmark', post_id from bookmarks
   where account_id = :account_id and created_at > :since and created_at <= :until order by created_at desc limit :n)
  union all
  (select 'reply', parent_post_id from posts
   where account_id = :account_id and status <> 'deleted' and parent_post_id is not null
     and sorted_at > :since and sorted_at <= :until order by sorted_at desc limit :n)
) as d (act, post_id)
-- One look for each: the planner expects more rows than there are and would read all posts.
cross join lateral (
  select id, account_id, environment_id from posts where id = d.post_id and status = 'published' and account_id <> :account_id limit 1
) as p;
