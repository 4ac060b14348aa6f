-- name: like_post(account_id, post_id)$
-- A like, and by its trigger the line that counts it, in one statement: neither is without the other; twice is once.
-- Answers with the count: what the row has, what lines add to it, and what this statement did, which it does not see itself.
with made as (
  insert into likes (account_id, post_id) values (:account_id, :post_id) on conflict do nothing returning post_id
)
select p.likes + (select count(*) from made)
  + (select coalesce(sum(amount), 0) from counter_lines where post_id = p.id and kind = 'like')
from posts p where p.id = :post_id;

-- name: unlike_post(account_id, post_id)$
-- The same the other way.
with gone as (
  delete from likes where account_id = :account_id and post_id = :post_id returning post_id
)
select p.likes - (select count(*) from gone)
  + (select coalesce(sum(amount), 0) from counter_lines where post_id = p.id and kind = 'like')
from posts p where p.id = :post_id;

-- name: repost_post(account_id, post_id)$
-- As a like.
with made as (
  insert into reposts (account_id, post_id) values (:account_id, :post_id) on conflict do nothing returning post_id
)
select p.reposts + (select count(*) from made)
  + (select coalesce(sum(amount), 0) from counter_lines where post_id = p.id and kind = 'repost')
from posts p where p.id = :post_id;

-- name: unrepost_post(account_id, post_id)$
-- As a like that is taken back.
with gone as (
  delete from reposts where account_id = :account_id and post_id = :post_id returning post_id
)
select p.reposts - (select count(*) from gone)
  + (select coalesce(sum(amount), 0) from counter_lines where post_id = p.id and kind = 'repost')
from posts p where p.id = :post_id;

-- name: bookmark_post(account_id, post_id)!
-- Nobody counts bookmarks. Again: it keeps its place in the list.
insert into bookmarks (account_id, post_id) values (:account_id, :post_id) on conflict do nothing;

-- name: unbookmark_post(account_id, post_id)!
-- Again: nothing.
delete from bookmarks where account_id = :account_id and post_id = :post_id;

-- name: list_bookmarks(account_id, before_at, before_id, n)
-- What an account keeps and may still see, the newest bookmark first, before a place: as `may_see` says, so that a page is full.
-- It has the last word.
select b.post_id as id, b.created_at as at
from bookmarks b join posts p on p.id = b.post_id and p.status = 'published'
where b.account_id = :account_id and (b.created_at, b.post_id) < (:before_at::timestamptz, :before_id::uuid)
  and (p.account_id = :account_id
       or ((p.visibility = 'public'
            or (p.visibility = 'followers'
                and (p.followers_of = :account_id
                     or exists (select from follows f
                                where f.follower_id = :account_id and f.followee_id = coalesce(p.followers_of, p.account_id)))))
           and not exists (select from hidden_pairs h where h.viewer_id = :account_id and h.author_id = p.account_id)))
order by b.created_at desc, b.post_id desc
limit :n;

-- name: list_overlays(account_id, ids)
-- One reader's layer over a page of posts, whatever the page holds. `results` are the votes of a poll that the reader
-- has voted in or asked: with its lines, as they hold the reader's own.
select wanted.id,
  exists (select from likes l where l.account_id = :account_id and l.post_id = wanted.id) as liked,
  exists (select from reposts r where r.account_id = :account_id and r.post_id = wanted.id) as reposted,
  exists (select from bookmarks b where b.account_id = :account_id and b.post_id = wanted.id) as bookmarked,
  poll.votes, poll.voters, poll.results
from unnest(:ids::uuid[]) as wanted (id)
left join lateral (
  select v.option_ids as votes, q.voters + coalesce((
    select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.kind = 'voter'
  ), 0) as voters, (
    select jsonb_object_agg(o.id, o.votes + coalesce((
      select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.option_id = o.id
    ), 0))
    from poll_options o where o.poll_id = q.id
  ) as results
  from polls q
  join posts p on p.id = q.post_id
  left join poll_votes v on v.poll_id = q.id and v.account_id = :account_id
  where q.post_id = wanted.id and (v.account_id is not null or p.account_id = :account_id)
) as poll on true;

-- name: insert_report(account_id, post_id, reason, details)$
-- No row when the account reported this post before.
insert into post_reports (account_id, post_id, reason, details) values (:account_id, :post_id, :reason, :details)
on conflict do nothing returning true;
