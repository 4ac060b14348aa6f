-- The same as in 0009, for half the time: what most pages have none of is asked in one statement, and the text is put together by
-- concat, which looks up once how a type is written; json_build_array does it for each value of each row.
create or replace function see_cards(reader uuid, ids uuid[], spare_muted boolean) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  hides boolean;
  mutes boolean;
  has_media boolean;
  has_polls boolean;
  has_lines boolean;
  liked uuid[];
  reposted uuid[];
  bookmarked uuid[];
begin
  select exists (select from hidden_pairs h where h.viewer_id = reader),
         spare_muted and exists (select from mutes m where m.muter_id = reader),
         exists (select from post_media pm where pm.post_id = any(ids)),
         exists (select from polls q where q.post_id = any(ids)),
         exists (select from counter_lines c where c.post_id = any(ids)),
         array(select l.post_id from likes l where l.account_id = reader and l.post_id = any(ids)),
         array(select r.post_id from reposts r where r.account_id = reader and r.post_id = any(ids)),
         array(select b.post_id from bookmarks b where b.account_id = reader and b.post_id = any(ids))
    into hides, mutes, has_media, has_polls, has_lines, liked, reposted, bookmarked;
  return (
    select concat('[', string_agg(concat(
        '["', p.id, '","', p.account_id, '",', (extract(epoch from p.sorted_at) * 1000000)::bigint,
        ',"', p.card_version, '-', a.card_version, '-', e.card_version, '-', attached.versions, '-', asked.version, '",',
        case when p.id = any(liked) then 1 else 0 end
        + case when p.id = any(reposted) then 2 else 0 end
        + case when p.id = any(bookmarked) then 4 else 0 end
        + case when p.visibility <> 'public' or p.status <> 'published'
                 or (reader is not null and attached.versions is not null and (p.account_id = reader or attached.signed))
          then 8 else 0 end,
        ',', p.likes + coalesce(unfolded.likes, 0), ',', p.replies + coalesce(unfolded.replies, 0),
        ',', p.reposts + coalesce(unfolded.reposts, 0), ',', coalesce(asked.poll::text, 'null'), ']'
      ), ',' order by wanted.place), ']')::json
    from unnest(ids) with ordinality as wanted (id, place)
    join posts p on p.id = wanted.id
    join accounts a on a.id = p.account_id
    left join environments e on e.id = p.environment_id
    left join lateral (
      select string_agg(concat_ws('.', pm.card_version, m.card_version, (
               select string_agg(c.number::text, '.' order by c.number)
               from media_captions c where m.kind = 'video' and c.media_id = m.id and c.generation = m.generation
             )), '_' order by pm.position) as versions,
             bool_or(m.generation not like 'p%') as signed
      from post_media pm join media m on m.id = pm.media_id
      where has_media and pm.post_id = p.id
    ) as attached on true
    left join lateral (
      select sum(amount) filter (where kind = 'like') as likes, sum(amount) filter (where kind = 'reply') as replies,
             sum(amount) filter (where kind = 'repost') as reposts, sum(amount) filter (where kind = 'voter') as voters
      from counter_lines c where has_lines and c.post_id = p.id
    ) as unfolded on true
    left join lateral (
      select q.card_version as version, json_build_array(
          q.ends_at <= now(), q.voters + coalesce(unfolded.voters, 0),
          (select v.option_ids from poll_votes v where v.poll_id = q.id and v.account_id = reader),
          (select json_agg(json_build_array(o.id, o.votes + coalesce((
               select sum(c.amount) from counter_lines c where c.post_id = p.id and c.option_id = o.id
             ), 0)) order by o.position)
           from poll_options o where o.poll_id = q.id)) as poll
      from polls q where has_polls and q.post_id = p.id
    ) as asked on true
    where p.status <> 'deleted'
      and (p.account_id = reader
           or (p.status = 'published'
               and (p.visibility = 'public'
                    or (p.visibility = 'followers'
                        and (p.followers_of = reader
                             or exists (select from follows f
                                        where f.follower_id = reader and f.followee_id = coalesce(p.followers_of, p.account_id)))))
               and not (hides and exists (select from hidden_pairs h where h.viewer_id = reader and h.author_id = p.account_id))
               and not (mutes and exists (select from mutes x where x.muter_id = reader and x.muted_id = p.account_id))))
  );
end
$$;

-- As in 0009; a member who is spared nobody is not asked for each post.
create or replace function see_latest(reader uuid, before_at timestamptz, before_id uuid, n integer) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  looked_at_most constant integer := 1000;
  hides boolean;
  mutes boolean;
  ids uuid[];
  moments timestamptz[];
  end_at timestamptz;
  end_id uuid;
begin
  select exists (select from hidden_pairs h where h.viewer_id = reader), exists (select from mutes m where m.muter_id = reader)
    into hides, mutes;
  select array_agg(e.id), array_agg(e.sorted_at) into ids, moments from (
    select both_of.id, both_of.sorted_at from (
      (select newest.id, newest.sorted_at from (
         select p.id, p.sorted_at, p.account_id from posts p
         where p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
           and (p.sorted_at, p.id) < (before_at, before_id)
         order by p.sorted_at desc, p.id desc
         limit looked_at_most
       ) as newest
       where not (hides and exists (select from hidden_pairs h where h.viewer_id = reader and h.author_id = newest.account_id))
         and not (mutes and exists (select from mutes m where m.muter_id = reader and m.muted_id = newest.account_id))
       order by newest.sorted_at desc, newest.id desc
       limit n + 1)
      union
      (select p.id, p.sorted_at from posts p
       where p.account_id = reader and p.status <> 'deleted' and p.parent_post_id is null
         and (p.sorted_at, p.id) < (before_at, before_id)
       order by p.sorted_at desc, p.id desc
       limit n + 1)
    ) as both_of
    order by both_of.sorted_at desc, both_of.id desc
    limit n + 1
  ) as e;
  if hides or mutes then
    select p.sorted_at, p.id into end_at, end_id from posts p
    where p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
      and (p.sorted_at, p.id) < (before_at, before_id)
    order by p.sorted_at desc, p.id desc
    limit 1 offset looked_at_most - 1;
    if end_id is not null then
      -- What is the reader's own beyond the posts that were looked at comes with the pages after, among what others wrote there.
      select array_agg(e.id order by e.place), array_agg(e.sorted_at order by e.place) into ids, moments
      from unnest(ids, moments) with ordinality as e (id, sorted_at, place)
      where (e.sorted_at, e.id) >= (end_at, end_id);
    end if;
  end if;
  if cardinality(ids) > n then
    end_at := moments[n];
    end_id := ids[n];
  end if;
  return json_build_array(
    see_cards(reader, ids[1:n], true),
    case when end_id is not null then json_build_array((extract(epoch from end_at) * 1000000)::bigint, end_id) end
  );
end
$$;

-- A page of home as its reader has it, out of a stretch of a timeline: of the posts that it names those that are so at this moment, by
-- whom the reader follows and has not muted, and the reader's own of that stretch. The stretch goes from before (excluded) down to
-- from (included). [microseconds at which the reader began to follow the last of those they follow or null, how many entries there
-- are up to n + 1, cards of the first n, place of the last of these or null]: the same entries as list_true has them.
create function see_home(
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
        and not exists (select from mutes m where m.muter_id = reader and m.muted_id = p.account_id)
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

-- A ranking's first cards, below the reader's own posts of the last hour, and what still waits of the last day: a ranking knows no
-- own posts. As a function, whose plans are kept.
create function see_first(reader uuid, ranked uuid[], n integer) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  own constant uuid[] := array(
    select p.id from posts p
    where p.account_id = reader and p.status <> 'deleted' and p.parent_post_id is null
      and p.sorted_at > now() - interval '1 day' and (p.sorted_at > now() - interval '1 hour' or p.status = 'waiting')
    order by p.sorted_at desc, p.id desc
    limit n
  );
begin
  return see_cards(reader, own || ranked, true);
end
$$;
