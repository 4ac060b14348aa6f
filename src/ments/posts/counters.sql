-- name: add_reply_line(parent_id, visibility, n)!
-- Counts, in the transaction that makes or ends one, the replies that all who see the post see, too.
insert into counter_lines (post_id, kind, amount)
select id, 'reply', :n::integer from posts where id = :parent_id and visibility = :visibility;

-- name: take_lines(n)
-- The oldest lines that no other folder holds, taken away and added up. What is taken comes back if the transaction fails.
with chosen as materialized (
  select id from counter_lines order by id limit :n for update skip locked
), taken as (
  delete from counter_lines using chosen where counter_lines.id = chosen.id
  returning counter_lines.post_id, counter_lines.kind, counter_lines.option_id, counter_lines.amount
)
select post_id, kind, option_id, sum(amount)::integer as amount, count(*)::integer as lines
from taken group by post_id, kind, option_id;

-- name: lock_posts(ids)!
-- In the order of their ids, so that two folders never wait for each other in a ring; likes and replies are not held up.
-- A statement of its own: one that locks and updates comes back to the version that it saw first, and can then wait for a
-- folder that waits for it.
select from posts where id = any(:ids::uuid[]) order by id for no key update;

-- name: fold_into_posts(ids, likes, reposts, replies)!
-- Many posts a statement. No count is held at 0: of two folders one may have what was taken back, and the other what was
-- given before it.
update posts p set likes = p.likes + added.likes, reposts = p.reposts + added.reposts, replies = p.replies + added.replies
from unnest(:ids::uuid[], :likes::integer[], :reposts::integer[], :replies::integer[]) as added (id, likes, reposts, replies)
where p.id = added.id;

-- name: lock_polls(post_ids)!
-- The same for polls, after the posts.
select from polls where post_id = any(:post_ids::uuid[]) order by id for no key update;

-- name: fold_into_polls(post_ids, voters)!
-- Those who voted.
update polls q set voters = q.voters + added.voters
from unnest(:post_ids::uuid[], :voters::integer[]) as added (post_id, voters)
where q.post_id = added.post_id;

-- name: lock_options(ids)!
-- The same for their options, last.
select from poll_options where id = any(:ids::uuid[]) order by id for no key update;

-- name: fold_into_options(ids, votes)!
-- What they voted for.
update poll_options o set votes = o.votes + added.votes
from unnest(:ids::uuid[], :votes::integer[]) as added (id, votes)
where o.id = added.id;
