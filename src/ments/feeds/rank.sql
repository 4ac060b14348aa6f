-- name: list_interests(account_id, half_life_s)
-- What an account is drawn to, faded to now; some hundreds of rows by the key at most.
select kind, key, score * power(2, -least(extract(epoch from now() - at) / :half_life_s, 60)) as score
from interests where account_id = :account_id;

-- name: list_followed_posts(account_id, since, n)
-- Newest posts of those followed: of the thousand followed last, the hundred who wrote last, four posts each at most.
with newest as (
  select followed.followee_id as account_id
  from (
    select followee_id from follows where follower_id = :account_id order by created_at desc, followee_id desc limit 1000
  ) as followed
  cross join lateral (
    select p.sorted_at from posts p
    where p.account_id = followed.followee_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
      and p.sorted_at > :since
    order by p.sorted_at desc, p.id desc
    limit 1
  ) as first
  order by first.sorted_at desc
  limit 100
)
select theirs.id from newest cross join lateral (
  select p.id, p.sorted_at from posts p
  where p.account_id = newest.account_id
    and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
    and p.sorted_at > :since
  order by p.sorted_at desc, p.id desc
  limit 4
) as theirs
order by theirs.sorted_at desc
limit :n;

-- name: list_passed_on(account_id, since, n)
-- What those followed reposted of late: of the three hundred followed last, three each at most.
select theirs.post_id as id
from (
  select followee_id from follows where follower_id = :account_id order by created_at desc, followee_id desc limit 300
) as followed
cross join lateral (
  select r.post_id, r.created_at from reposts r
  where r.account_id = followed.followee_id and r.created_at > :since
  order by r.created_at desc, r.post_id desc
  limit 3
) as theirs
group by theirs.post_id
order by max(theirs.created_at) desc
limit :n;

-- name: list_by_authors(author_ids, since)
-- Newest public posts of authors whom the reader is drawn to, three each.
select theirs.id from unnest(:author_ids::uuid[]) as drawn (account_id) cross join lateral (
  select p.id from posts p
  where p.account_id = drawn.account_id
    and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
    and p.sorted_at > :since
  order by p.sorted_at desc, p.id desc
  limit 3
) as theirs;

-- name: list_by_hashtags(tags, since)
-- Newest public posts with tags that the reader is drawn to, eight each.
select theirs.post_id as id from unnest(:tags::text[]) as drawn (tag) cross join lateral (
  select t.post_id from post_hashtags t
  where t.tag = drawn.tag and t.sorted_at > :since
  order by t.sorted_at desc, t.post_id desc
  limit 8
) as theirs;

-- name: list_by_environments(environment_ids, since)
-- Newest public posts of rooms that the reader is drawn to, twenty each.
select theirs.id from unnest(:environment_ids::uuid[]) as drawn (environment_id) cross join lateral (
  select p.id from posts p
  where p.environment_id = drawn.environment_id
    and p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
    and p.sorted_at > :since
  order by p.sorted_at desc, p.id desc
  limit 20
) as theirs;

-- name: list_newest(n)
-- Newest public posts of anybody: what a reader has not come across yet.
select id from posts
where status = 'published' and visibility = 'public' and parent_post_id is null
order by sorted_at desc, id desc
limit :n;

-- name: list_facts(account_id, ids)
-- What a ranking needs to know of posts; only of those that the reader may see, has not seen or liked, did not write, and is not
-- spared. As `may_see` says; it has the last word when they are drawn.
select p.id, p.account_id, p.sorted_at, p.environment_id, p.likes, p.replies, p.reposts, a.followers, a.is_verified,
  exists (select from follows f where f.follower_id = :account_id and f.followee_id = p.account_id) as is_followed,
  attached.kind is not null as has_media,
  coalesce(case when attached.kind = 'video' then 'video' when attached.kind is not null then 'photo' end,
           case when exists (select from polls q where q.post_id = p.id) then 'poll' else 'text' end) as form,
  array(select tag from post_hashtags t where t.post_id = p.id) as hashtags
from unnest(:ids::uuid[]) as wanted (id)
join posts p on p.id = wanted.id and p.status = 'published' and p.parent_post_id is null and p.account_id <> :account_id
join accounts a on a.id = p.account_id
left join lateral (
  select coalesce(m.kind, 'photo') as kind from post_media pm join media m on m.id = pm.media_id
  where pm.post_id = p.id order by pm.position limit 1
) as attached on true
where (p.visibility = 'public'
       or (p.visibility = 'followers'
           and exists (select from follows f where f.follower_id = :account_id and f.followee_id = p.account_id)))
  and not exists (select from hidden_pairs h where h.viewer_id = :account_id and h.author_id = p.account_id)
  and not exists (select from mutes m where m.muter_id = :account_id and m.muted_id = p.account_id)
  and not exists (select from feed_events e where e.account_id = :account_id and e.post_id = p.id)
  and not exists (select from likes l where l.account_id = :account_id and l.post_id = p.id);

-- name: list_seen(account_id, ids)
-- Which of these posts a reader has seen: a look into the index for each, however many events the reader has.
select wanted.id from unnest(:ids::uuid[]) as wanted (id)
cross join lateral (select from feed_events e where e.account_id = :account_id and e.post_id = wanted.id limit 1) as seen;

-- name: see_first(readers, ranked, ns)
-- What rankings' first cards are for their readers, for several at once, in their order: see the function. `ranked` are arrays as texts.
select see_first(t.reader, t.ranked::uuid[], t.n)::text as said
from unnest(:readers::uuid[], :ranked::text[], :ns::integer[]) with ordinality as t (reader, ranked, n, nth)
order by t.nth;

-- name: see_first_alone(readers, ranked, ns)
-- The same for one reader, of whose values none is an array but `ranked`.
select see_first(:readers::uuid, :ranked::uuid[], :ns::integer)::text as said;

-- name: see_blended(readers, mosts, ns)
-- What the first pages of members without a ranking are, for several at once, in their order: see the function.
select see_blended(t.reader, t.most, t.n)::text as said
from unnest(:readers::uuid[], :mosts::integer[], :ns::integer[]) with ordinality as t (reader, most, n, nth)
order by t.nth;

-- name: see_blended_alone(readers, mosts, ns)
-- The same for one member, of whose values none is an array.
select see_blended(:readers::uuid, :mosts::integer, :ns::integer)::text as said;

-- name: list_in_time(account_id, before_at, before_id, n)
-- Everybody's public posts and all of a member's own, before a place, newest first; each half from its own index.
select id, sorted_at from (
  (select id, sorted_at from posts
   where status = 'published' and visibility = 'public' and parent_post_id is null
     and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
   order by sorted_at desc, id desc
   limit :n)
  union
  (select id, sorted_at from posts
   where account_id = :account_id and status <> 'deleted' and parent_post_id is null
     and (sorted_at, id) < (:before_at::timestamptz, :before_id::uuid)
   order by sorted_at desc, id desc
   limit :n)
) as entries
order by sorted_at desc, id desc
limit :n;
