-- Accounts with so many followers that their posts are pulled when a feed is read, rather than pushed into each follower's timeline.
-- `settled` once the followers' timelines of before are dropped; a row that is not pulled any more goes when that is done.
create table pulled_accounts (
  account_id uuid primary key references accounts on delete cascade,
  pulled boolean not null,
  settled boolean not null default false
);
