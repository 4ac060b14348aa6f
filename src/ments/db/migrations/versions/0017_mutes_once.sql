-- The same as in 0013; of a reader who mutes nobody it is asked once, not for each post.
create or replace function see_home(
  reader uuid, named uuid[], before_at timestamptz, before_id uuid, from_at timestamptz, from_id uuid, n integer
) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  newest timestamptz;
  ids uuid[];
  moments timestamptz[];
begin
  select (select max(f.created_at) from follows f where f.follower_id = reader), array_agg(e.id), array_agg(e.sorted_at)
    into newest, ids, moments
  from (
    select entries.id, entries.sorted_at from (
      select p.id, p.sorted_at from posts p
      where p.id = any(named) and p.account_id <> reader
        and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
        and exists (select from follows f where f.follower_id = reader and f.followee_id = p.account_id)
        and (not exists (select from mutes m where m.muter_id = reader)
             or not exists (select from mutes m where m.muter_id = reader and m.muted_id = p.account_id))
      union all
      (select p.id, p.sorted_at from posts p
       where p.account_id = reader and p.status <> 'deleted' and p.parent_post_id is null
         and (p.sorted_at, p.id) < (before_at, before_id)
         and (p.sorted_at, p.id) >= (from_at, from_id)
       order by p.sorted_at desc, p.id desc
       limit n + 1)
    ) as entries
    where (entries.sorted_at, entries.id) < (before_at, before_id) and (entries.sorted_at, entries.id) >= (from_at, from_id)
    order by entries.sorted_at desc, entries.id desc
    limit n + 1
  ) as e;
  return json_build_array(
    (extract(epoch from newest) * 1000000)::bigint,
    coalesce(cardinality(ids), 0),
    see_cards(reader, ids[1:n], true),
    case when cardinality(ids) >= n then json_build_array((extract(epoch from moments[n]) * 1000000)::bigint, ids[n]) end
  );
end
$$;
