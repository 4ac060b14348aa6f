-- A profile with what its reader (null: a visitor) is to it. Counters and the lines not folded into them are one snapshot, so the
-- sum is exact at any moment. What only a member can be to somebody is asked for members alone.
create function see_profile(wanted citext, reader uuid, posts_max integer)
returns table (
  id uuid, username text, full_name text, headline text, avatar_url text, is_verified boolean, created_at timestamptz,
  followers bigint, following bigint, posts bigint,
  follows boolean, followed_by boolean, blocks boolean, blocked_by boolean, mutes boolean
)
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  member constant boolean := reader is not null;
begin
  return query
  select a.id, a.username::text, a.full_name, a.headline, a.avatar_url, a.is_verified, a.created_at,
    a.followers + coalesce(unfolded.followers, 0), a.following + coalesce(unfolded.following, 0),
    (select count(*) from (
       select 1 from posts p
       where p.account_id = a.id and p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
       limit posts_max
     ) as counted),
    member and exists (select 1 from follows where follower_id = reader and followee_id = a.id),
    member and exists (select 1 from follows where follower_id = a.id and followee_id = reader),
    member and exists (select 1 from blocks where blocker_id = reader and blocked_id = a.id),
    member and exists (select 1 from blocks where blocker_id = a.id and blocked_id = reader),
    member and exists (select 1 from mutes where muter_id = reader and muted_id = a.id)
  from accounts a
  left join lateral (
    select sum(amount) filter (where kind = 'followers') as followers, sum(amount) filter (where kind = 'following') as following
    from follow_lines where account_id = a.id
  ) as unfolded on true
  where a.username = wanted;
end
$$;
