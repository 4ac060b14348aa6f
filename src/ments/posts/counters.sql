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

-- name: fold_into_posts(ids, likes, reposts, replies)!
-- Many posts a statement, locked in the order of their ids: two folders never wait for each other in a ring. No count
-- is held at 0: of two folders one may have what was taken back, and the other what was given before it.
update posts p set likes = p.likes + added.likes, reposts = p.reposts + added.reposts, replies = p.replies + added.replies
from (
  select l.id, sums.likes, sums.reposts, sums.replies
  from unnest(:ids::uuid[], :likes::integer[], :reposts::integer[], :replies::integer[]) as sums (id, likes, reposts, replies)
  join posts l on l.id = sums.id
  order by l.id for no key update of l
) as added
where p.id = added.id;

-- name: fold_into_polls(post_ids, voters)!
-- The same for those who voted.
update polls p set voters = p.voters + added.voters
from (
  select l.id, sums.voters
  from unnest(:post_ids::uuid[], :voters::integer[]) as sums (post_id, voters)
  join polls l on l.post_id = sums.post_id
  order by l.id for no key update of l
) as added
where p.id = added.id;

-- name: fold_into_options(ids, votes)!
-- The same for what they voted for.
update poll_options o set votes = o.votes + added.votes
from (
  select l.id, sums.votes
  from unnest(:ids::uuid[], :votes::integer[]) as sums (id, votes)
  join poll_options l on l.id = sums.id
  order by l.id for no key update of l
) as added
where o.id = added.id;
