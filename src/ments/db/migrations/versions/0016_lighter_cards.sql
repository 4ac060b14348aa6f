-- The same as in 0013. What most pages have none of stood in one statement with the posts, and the server set all of it up for each
-- page, which took longer than finding the posts: now it is read by statements of its own, into arrays, where there is any.
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
  -- By the place in the first array of each three: what is attached, lines that are not folded into the counts, polls.
  with_media uuid[];
  media_versions text[];
  media_signed boolean[];
  with_lines uuid[];
  more_likes bigint[];
  more_replies bigint[];
  more_reposts bigint[];
  with_polls uuid[];
  poll_versions bigint[];
  poll_texts text[];
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
  if has_media then
    select array_agg(one.post_id), array_agg(one.versions), array_agg(one.signed) into with_media, media_versions, media_signed from (
      select pm.post_id,
             string_agg(concat_ws('.', pm.card_version, m.card_version, (
               select string_agg(c.number::text, '.' order by c.number)
               from media_captions c where m.kind = 'video' and c.media_id = m.id and c.generation = m.generation
             )), '_' order by pm.position) as versions,
             bool_or(m.generation not like 'p%') as signed
      from post_media pm join media m on m.id = pm.media_id
      where pm.post_id = any(ids)
      group by pm.post_id
    ) as one;
  end if;
  if has_lines then
    select array_agg(one.post_id), array_agg(one.likes), array_agg(one.replies), array_agg(one.reposts)
      into with_lines, more_likes, more_replies, more_reposts from (
      select c.post_id, sum(amount) filter (where kind = 'like') as likes, sum(amount) filter (where kind = 'reply') as replies,
             sum(amount) filter (where kind = 'repost') as reposts
      from counter_lines c
      where c.post_id = any(ids)
      group by c.post_id
    ) as one;
  end if;
  if has_polls then
    select array_agg(one.post_id), array_agg(one.version), array_agg(one.poll) into with_polls, poll_versions, poll_texts from (
      select q.post_id, q.card_version as version, json_build_array(
          q.ends_at <= now(),
          q.voters + coalesce((select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.kind = 'voter'), 0),
          (select v.option_ids from poll_votes v where v.poll_id = q.id and v.account_id = reader),
          (select json_agg(json_build_array(o.id, o.votes + coalesce((
               select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.option_id = o.id
             ), 0)) order by o.position)
           from poll_options o where o.poll_id = q.id))::text as poll
      from polls q
      where q.post_id = any(ids)
    ) as one;
  end if;
  return (
    select concat('[', string_agg(concat(
        '["', p.id, '","', p.account_id, '",', (extract(epoch from p.sorted_at) * 1000000)::bigint,
        ',"', p.card_version, '-', a.card_version, '-', e.card_version, '-',
        case when has_media then media_versions[array_position(with_media, p.id)] end, '-',
        case when has_polls then poll_versions[array_position(with_polls, p.id)] end, '",',
        case when p.id = any(liked) then 1 else 0 end
        + case when p.id = any(reposted) then 2 else 0 end
        + case when p.id = any(bookmarked) then 4 else 0 end
        + case when p.visibility <> 'public' or p.status <> 'published'
                 or (has_media and reader is not null and p.id = any(with_media)
                     and (p.account_id = reader or media_signed[array_position(with_media, p.id)]))
          then 8 else 0 end,
        ',', case when has_lines then p.likes + coalesce(more_likes[array_position(with_lines, p.id)], 0) else p.likes end,
        ',', case when has_lines then p.replies + coalesce(more_replies[array_position(with_lines, p.id)], 0) else p.replies end,
        ',', case when has_lines then p.reposts + coalesce(more_reposts[array_position(with_lines, p.id)], 0) else p.reposts end,
        ',', coalesce(case when has_polls then poll_texts[array_position(with_polls, p.id)] end, 'null'), ']'
      ), ',' order by wanted.place), ']')::json
    from unnest(ids) with ordinality as wanted (id, place)
    join posts p on p.id = wanted.id
    join accounts a on a.id = p.account_id
    left join environments e on e.id = p.environment_id
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

-- The same as in 0014, in the same way.
create or replace function card_rows(ids uuid[], viewer uuid) returns table (
  id uuid, account_id uuid, parent_post_id uuid, content text, visibility text, status text,
  sorted_at timestamptz, created_at timestamptz, edited_at timestamptz, likes bigint, replies bigint, reposts bigint,
  username text, avatar_url text, full_name text, headline text, is_verified boolean,
  environment_id uuid, environment_slug text, environment_name text, media jsonb, poll jsonb, followers_of uuid,
  version text, reader_hidden boolean, reader_follows boolean
) language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  hides boolean;
  has_media boolean;
  has_polls boolean;
  has_lines boolean;
  with_media uuid[];
  media_versions text[];
  media_objects jsonb[];
  with_lines uuid[];
  more_likes bigint[];
  more_replies bigint[];
  more_reposts bigint[];
  with_polls uuid[];
  poll_versions bigint[];
  poll_objects jsonb[];
begin
  select exists (select from hidden_pairs h where h.viewer_id = viewer),
         exists (select from post_media pm where pm.post_id = any(ids)),
         exists (select from polls q where q.post_id = any(ids)),
         exists (select from counter_lines c where c.post_id = any(ids))
    into hides, has_media, has_polls, has_lines;
  if has_media then
    select array_agg(one.post_id), array_agg(one.versions), array_agg(one.media) into with_media, media_versions, media_objects from (
      select pm.post_id, jsonb_agg(jsonb_build_object(
               'id', m.id, 'status', m.status, 'kind', m.kind, 'progress', m.progress, 'filename', m.filename,
               'error_code', m.error_code, 'error_text', m.error_text, 'generation', m.generation, 'epoch', m.epoch,
               'width', m.width, 'height', m.height, 'duration_s', m.duration_s, 'poster_file', m.poster_file,
               'blurhash', m.blurhash, 'variants', m.variants, 'alt_text', pm.alt_text,
               'hls_file', m.hls_file, 'storyboard_file', m.storyboard_file,
               'grows', m.status = 'playable' and m.pieces_number is not null,
               'captions', case when m.kind = 'video' then (
                 select jsonb_agg(jsonb_build_object('language', c.language, 'number', c.number, 'label', c.label) order by c.language)
                 from media_captions c where c.media_id = m.id and c.generation = m.generation) end
             ) order by pm.position) as media,
             string_agg(concat_ws('.', pm.card_version, m.card_version, (
               select string_agg(c.number::text, '.' order by c.number)
               from media_captions c where m.kind = 'video' and c.media_id = m.id and c.generation = m.generation
             )), '_' order by pm.position) as versions
      from post_media pm join media m on m.id = pm.media_id
      where pm.post_id = any(ids)
      group by pm.post_id
    ) as one;
  end if;
  if has_lines then
    select array_agg(one.post_id), array_agg(one.likes), array_agg(one.replies), array_agg(one.reposts)
      into with_lines, more_likes, more_replies, more_reposts from (
      select c.post_id, sum(amount) filter (where kind = 'like') as likes, sum(amount) filter (where kind = 'reply') as replies,
             sum(amount) filter (where kind = 'repost') as reposts
      from counter_lines c
      where c.post_id = any(ids)
      group by c.post_id
    ) as one;
  end if;
  if has_polls then
    select array_agg(one.post_id), array_agg(one.version), array_agg(one.poll) into with_polls, poll_versions, poll_objects from (
      select q.post_id, q.card_version as version, jsonb_build_object(
               'id', q.id, 'question', q.question, 'kind', q.kind, 'ends_at', q.ends_at, 'is_over', q.ends_at <= now(),
               'voters',
               q.voters + coalesce((select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.kind = 'voter'), 0),
               'options', (
                 select jsonb_agg(jsonb_build_object('id', o.id, 'text', o.text, 'votes', o.votes + coalesce((
                          select sum(c.amount) from counter_lines c where c.post_id = q.post_id and c.option_id = o.id
                        ), 0)) order by o.position)
                 from poll_options o where o.poll_id = q.id
               )) as poll
      from polls q
      where q.post_id = any(ids)
    ) as one;
  end if;
  return query
  select p.id, p.account_id, p.parent_post_id, p.content, p.visibility, p.status,
         p.sorted_at, p.created_at, p.edited_at,
         case when has_lines then p.likes + coalesce(more_likes[array_position(with_lines, p.id)], 0) else p.likes end,
         case when has_lines then p.replies + coalesce(more_replies[array_position(with_lines, p.id)], 0) else p.replies end,
         case when has_lines then p.reposts + coalesce(more_reposts[array_position(with_lines, p.id)], 0) else p.reposts end,
         a.username::text, a.avatar_url, a.full_name, a.headline, a.is_verified,
         e.id, e.slug, e.name,
         case when has_media then media_objects[array_position(with_media, p.id)] end,
         case when has_polls then poll_objects[array_position(with_polls, p.id)] end,
         p.followers_of,
         concat(p.card_version, '-', a.card_version, '-', e.card_version, '-',
                case when has_media then media_versions[array_position(with_media, p.id)] end, '-',
                case when has_polls then poll_versions[array_position(with_polls, p.id)] end),
         hides and exists (select from hidden_pairs h where h.viewer_id = viewer and h.author_id = p.account_id),
         viewer is not null
           and exists (select from follows f
                       where f.follower_id = viewer and f.followee_id = coalesce(p.followers_of, p.account_id))
  from unnest(ids) with ordinality as wanted (id, place)
  join posts p on p.id = wanted.id and p.status <> 'deleted'
  join accounts a on a.id = p.account_id
  left join environments e on e.id = p.environment_id
  order by wanted.place;
end
$$;
