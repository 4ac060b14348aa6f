-- name: insert_account(id, username, email, password_hash, full_name, is_admin)^
-- Nothing comes back when the username or the address is taken; which one, find_taken tells.
insert into accounts (id, username, email, password_hash, full_name, is_admin)
values (:id, :username, :email, :password_hash, :full_name, :is_admin)
on conflict do nothing
returning id, username::text, email::text, full_name, headline, avatar_url, is_verified, is_admin, created_at;

-- name: find_taken(username, email)^
-- One look for both, so that a form names every field that has to change.
select exists (select 1 from accounts where username = :username::citext) as username_taken,
  exists (select 1 from accounts where email = :email::citext) as email_taken;

-- name: find_credentials(login)^
-- A username holds no @, so one text can only mean one account.
select id, password_hash from accounts where username = :login::citext or email = :login::citext;

-- name: find_account(id)^
-- The signed-in account's own view of itself.
select id, username::text, email::text, full_name, headline, avatar_url, is_verified, is_admin, created_at
from accounts where id = :id;

-- name: find_account_named(username)^
-- For operators' commands, which name accounts.
select id, username::text, email::text, full_name, headline, avatar_url, is_verified, is_admin, created_at
from accounts where username = :username::citext;

-- name: find_first_admin()^
-- Whom the operator link signs in: the oldest operator.
select id, username::text, email::text, full_name, headline, avatar_url, is_verified, is_admin, created_at
from accounts where is_admin order by created_at, id limit 1;

-- name: make_admin(id)!
-- An operator's command, or the operator link on a fresh installation.
update accounts set is_admin = true where id = :id;

-- name: set_password_hash(id, password_hash, old_hash)!
-- Only over the hash that was verified: a password changed meanwhile stays changed.
update accounts set password_hash = :password_hash where id = :id and password_hash = :old_hash;

-- name: insert_session(token_hash, account_id, kind, label, expires_at)!
-- A browser's session or a script's token; the token itself is never stored.
insert into sessions (token_hash, account_id, kind, label, expires_at)
values (:token_hash, :account_id, :kind, :label, :expires_at);

-- name: find_sessions(token_hashes)
-- Whose sessions these are, each as it lies in the cache, or null where it is unknown or over; for several requests at once, in their
-- order. Once a minute a session at most: the cache answers in between. `token_hashes` are in hexadecimal digits.
select coalesce((
    select json_build_array(
      json_build_object('id', a.id, 'username', a.username, 'full_name', a.full_name, 'avatar_url', a.avatar_url,
                        'is_verified', a.is_verified, 'is_admin', a.is_admin),
      s.kind, s.expires_at)
    from sessions s join accounts a on a.id = s.account_id
    where s.token_hash = decode(t.token_hash, 'hex') and s.expires_at > now()
  )::text, 'null') as said
from unnest(:token_hashes::text[]) with ordinality as t (token_hash, nth)
order by t.nth;

-- name: extend_session(token_hash, expires_at)!
-- Sliding expiry; never brings an ended session back.
update sessions set expires_at = :expires_at where token_hash = :token_hash and expires_at > now();

-- name: delete_session(token_hash)$
-- Signing out.
delete from sessions where token_hash = :token_hash returning account_id;

-- name: delete_expired_sessions()!
-- Housekeeping: ended sessions and links are dead weight.
with links as (delete from sign_in_links where expires_at < now() - interval '1 day')
delete from sessions where expires_at < now();

-- name: insert_link(token_hash, account_id, expires_at)!
-- A link that signs somebody in once.
insert into sign_in_links (token_hash, account_id, expires_at) values (:token_hash, :account_id, :expires_at);

-- name: spend_link(token_hash)^
-- One statement, so that of two clicks at once only one signs in.
update sign_in_links set used_at = now()
where token_hash = :token_hash and used_at is null and expires_at > now()
returning account_id;
