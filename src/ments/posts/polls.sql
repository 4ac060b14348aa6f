-- name: insert_poll(id, post_id, question, kind, ends_in_s)!
-- Open from now on; of a post that waits, anew from when it appears (`publish_post`).
insert into polls (id, post_id, question, kind, ends_in_s, ends_at)
values (:id, :post_id, :question, :kind, :ends_in_s, clock_timestamp() + make_interval(secs => :ends_in_s));

-- name: insert_options(poll_id, ids, texts)!
-- All the options of a poll in one statement, numbered in the order given.
insert into poll_options (id, poll_id, position, text)
select id, :poll_id, place - 1, text
from unnest(:ids::uuid[], :texts::text[]) with ordinality as given (id, text, place);

-- name: find_poll(post_id)^
-- What the rules need to know of a post's poll; whether it is over is asked when a vote is cast.
select q.id, q.post_id, q.kind, q.question,
  array(select o.id from poll_options o where o.poll_id = q.id order by o.position) as option_ids
from polls q where q.post_id = :post_id;

-- name: cast_vote(poll_id, account_id, option_ids)$
-- A ballot, and by its trigger the lines that it counts for: the first of an account's ballots stays. No row when it had
-- voted, or when the poll ended meanwhile.
insert into poll_votes (poll_id, account_id, option_ids)
select q.id, :account_id, :option_ids::uuid[] from polls q where q.id = :poll_id and q.ends_at > clock_timestamp()
on conflict (poll_id, account_id) do nothing
returning true;

-- name: find_vote(poll_id, account_id)$
-- What an account voted for.
select option_ids from poll_votes where poll_id = :poll_id and account_id = :account_id;

-- name: blank_poll(post_id)!
-- A deleted post's words go at once, its poll's too. Its rows stay, for the lines that still count for them.
with asked as (update polls set question = '' where post_id = :post_id returning id)
update poll_options set text = '' where poll_id in (select id from asked);
