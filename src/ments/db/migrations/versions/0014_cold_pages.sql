-- Everything a card shows, for posts in the order of their ids. Counts are the rows' and what lines add to them, of one snapshot, so
-- exact at any moment. Who may know a poll's results, and who may see the post at all (viewer, reader_hidden, reader_follows), is for
-- the rules. `version` is that of `see_cards`.
create function card_rows(ids uuid[], viewer uuid) returns table (
  id uuid, account_id uuid, parent_post_id uuid, content text, visibility text, status text,
  sorted_at timestamptz, created_at timestamptz, edited_at timestamptz, likes bigint, replies bigint, reposts bigint,
  username text, avatar_url text, full_name text, headline text, is_verified boolean,
  environment_id uuid, environment_slug text, environment_name text, media jsonb, poll jsonb, followers_of uuid,
  version text, reader_hidden boolean, reader_follows boolean
) language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  -- Most pages have none of these: asked once, rather than of each post.
  hides boolean;
  has_media boolean;
  has_polls boolean;
  has_lines boolean;
begin
  select exists (select from hidden_pairs h where h.viewer_id = viewer),
         exists (select from post_media pm where pm.post_id = any(ids)),
         exists (select from polls q where q.post_id = any(ids)),
         exists (select from counter_lines c where c.post_id = any(ids))
    into hides, has_media, has_polls, has_lines;
  return query
  select p.id, p.account_id, p.parent_post_id, p.content, p.visibility, p.status,
         p.sorted_at, p.created_at, p.edited_at,
         p.likes + coalesce(unfolded.likes, 0), p.replies + coalesce(unfolded.replies, 0),
         p.reposts + coalesce(unfolded.reposts, 0),
         a.username::text, a.avatar_url, a.full_name, a.headline, a.is_verified,
         e.id, e.slug, e.name,
         attached.media, asked.poll, p.followers_of,
         concat(p.card_version, '-', a.card_version, '-', e.card_version, '-', attached.versions, '-', asked.version),
         hides and exists (select from hidden_pairs h where h.viewer_id = viewer and h.author_id = p.account_id),
         viewer is not null
           and exists (select from follows f
                       where f.follower_id = viewer and f.followee_id = coalesce(p.followers_of, p.account_id))
  from unnest(ids) with ordinality as wanted (id, place)
  join posts p on p.id = wanted.id and p.status <> 'deleted'
  join accounts a on a.id = p.account_id
  left join environments e on e.id = p.environment_id
  left join lateral (
    select jsonb_agg(jsonb_build_object(
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
    where has_media and pm.post_id = p.id
  ) as attached on true
  left join lateral (
    select sum(amount) filter (where kind = 'like') as likes, sum(amount) filter (where kind = 'reply') as replies,
           sum(amount) filter (where kind = 'repost') as reposts, sum(amount) filter (where kind = 'voter') as voters
    from counter_lines c where has_lines and c.post_id = p.id
  ) as unfolded on true
  left join lateral (
    select jsonb_build_object(
             'id', q.id, 'question', q.question, 'kind', q.kind, 'ends_at', q.ends_at, 'is_over', q.ends_at <= now(),
             'voters', q.voters + coalesce(unfolded.voters, 0),
             'options', (
               select jsonb_agg(jsonb_build_object('id', o.id, 'text', o.text, 'votes', o.votes + coalesce((
                        select sum(c.amount) from counter_lines c where c.post_id = p.id and c.option_id = o.id
                      ), 0)) order by o.position)
               from poll_options o where o.poll_id = q.id
             )) as poll,
           q.card_version as version
    from polls q where has_polls and q.post_id = p.id
  ) as asked on true
  order by wanted.place;
end
$$;

-- The first page of the ranked feed for a member who has no ranking yet: by time, everybody's public posts and all of the reader's own,
-- with what is trending (the first `most` of the list) at the moment when it began to. [the list that it was blended with or 0, how
-- many entries there are up to n + 1, cards of the first n, place of the last of these or null].
create function see_blended(reader uuid, most integer, n integer) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  run constant bigint := coalesce((select max(r.id) from trending_runs r), 0);
  trending uuid[];
  trending_since timestamptz[];
  ids uuid[];
  moments timestamptz[];
begin
  select array_agg(e.post_id), array_agg(e.since) into trending, trending_since from (
    select t.post_id, t.since from trending_entries t
    where t.run_id = run and not exists (select from trending_overrides o where o.post_id = t.post_id and o.kind = 'removed')
    order by t.place
    limit most
  ) as e;
  select array_agg(e.id), array_agg(e.sorted_at) into ids, moments from (
    select both_of.id, both_of.sorted_at from (
      -- A trending post stands at its own place, too, which is passed over: so many more are read.
      (select p.id, p.sorted_at from posts p
       where p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
       order by p.sorted_at desc, p.id desc
       limit n + 1 + most)
      union
      (select p.id, p.sorted_at from posts p
       where p.account_id = reader and p.status <> 'deleted' and p.parent_post_id is null
       order by p.sorted_at desc, p.id desc
       limit n + 1 + most)
      except
      select p.id, p.sorted_at from posts p where p.id = any(trending)
      union all
      select t.id, t.since from unnest(trending, trending_since) as t (id, since)
    ) as both_of
    order by both_of.sorted_at desc, both_of.id desc
    limit n + 1
  ) as e;
  return json_build_array(
    run,
    coalesce(cardinality(ids), 0),
    see_cards(reader, ids[1:n], true),
    case when cardinality(ids) >= n then json_build_array((extract(epoch from moments[n]) * 1000000)::bigint, ids[n]) end
  );
end
$$;
