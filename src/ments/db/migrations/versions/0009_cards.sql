-- versions ------------------------------------------------------------------------

-- A card shows columns of several tables. Each row has a version of its own, since raising the post's from, say, its media's rows would
-- lock a post after its media, and everybody else does it the other way round. A version is the moment of the change in
-- microseconds: a counter could come by the same number twice, once before and once after a restored backup. Adding a column
-- with a constant rewrites no table.
alter table posts add column card_version bigint not null default 0;
alter table accounts add column card_version bigint not null default 0;
alter table environments add column card_version bigint not null default 0;
alter table media add column card_version bigint not null default 0;
alter table polls add column card_version bigint not null default 0;
alter table post_media add column card_version bigint not null default 0;
-- A list of attachments that is written anew differs from the one before, whatever it holds.
alter table post_media alter column card_version set default (extract(epoch from clock_timestamp()) * 1000000)::bigint;

create function raise_card_version() returns trigger language plpgsql as $$
begin
  new.card_version := greatest(old.card_version + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
  return new;
end
$$;
-- Named columns, so that folding counts costs nothing here. Counts are in no version: they are read anew each time.
create trigger posts_card before update of account_id, environment_id, parent_post_id, content, visibility, status, sorted_at,
    created_at, edited_at, followers_of
  on posts for each row execute function raise_card_version();
create trigger accounts_card before update of username, avatar_url, full_name, headline, is_verified
  on accounts for each row execute function raise_card_version();
create trigger environments_card before update of slug, name
  on environments for each row execute function raise_card_version();
create trigger media_card before update of status, kind, progress, filename, error_code, error_text, generation, epoch, width, height,
    duration_s, poster_file, blurhash, variants, hls_file, storyboard_file, pieces_number
  on media for each row execute function raise_card_version();
create trigger post_media_card before update on post_media for each row execute function raise_card_version();
create trigger polls_card before update of question, kind, ends_at
  on polls for each row execute function raise_card_version();

-- The options are part of their poll.
create function raise_poll_of_options() returns trigger language plpgsql as $$
begin
  update polls set question = question where id in (select poll_id from changed);
  return null;
end
$$;
create trigger options_made after insert on poll_options
  referencing new table as changed for each statement execute function raise_poll_of_options();
create trigger options_gone after delete on poll_options
  referencing old table as changed for each statement execute function raise_poll_of_options();
create function raise_poll_of_option() returns trigger language plpgsql as $$
begin
  update polls set question = question where id = new.poll_id;
  return null;
end
$$;
create trigger options_card after update of text, position on poll_options for each row
  when (old.text is distinct from new.text or old.position is distinct from new.position)
  execute function raise_poll_of_option();

-- a page of cards -------------------------------------------------------------------

-- What a page of cards is for one reader, in the order of the ids: of each post that the reader may see an array
-- [id, author, microseconds of sorted_at, version, flags, likes, replies, reposts, poll].
--   may see   as `posts/rules.may_see` says; a test compares the two over random audiences
--   version   changes with whatever the card shows, but for counts and what is the reader's
--   flags     1 liked, 2 reposted, 4 bookmarked, 8 the card is drawn for this reader alone (not for everybody; signed addresses;
--             an author's view of attachments)
--   counts    the rows' and what lines add to them, of one snapshot
--   poll      null, or [is over, voters, what the reader voted or null, [[option, votes]...]]; who may know the votes is for the rules
-- A function in plpgsql keeps its plans in the server's session, where the pooler lets no driver prepare a statement: planning
-- took longer than running. One that is stable reads one snapshot, however many statements it is made of.
create function see_cards(reader uuid, ids uuid[], spare_muted boolean) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  -- Most pages have none of these: asked once, rather than of each post.
  hides constant boolean := exists (select from hidden_pairs h where h.viewer_id = reader);
  mutes constant boolean := spare_muted and exists (select from mutes m where m.muter_id = reader);
  has_media constant boolean := exists (select from post_media pm where pm.post_id = any(ids));
  has_polls constant boolean := exists (select from polls q where q.post_id = any(ids));
  has_lines constant boolean := exists (select from counter_lines c where c.post_id = any(ids));
  liked constant uuid[] := array(select l.post_id from likes l where l.account_id = reader and l.post_id = any(ids));
  reposted constant uuid[] := array(select r.post_id from reposts r where r.account_id = reader and r.post_id = any(ids));
  bookmarked constant uuid[] := array(select b.post_id from bookmarks b where b.account_id = reader and b.post_id = any(ids));
begin
  return (
    select coalesce(json_agg(json_build_array(
        p.id, p.account_id, (extract(epoch from p.sorted_at) * 1000000)::bigint,
        concat(p.card_version, '-', a.card_version, '-', e.card_version, '-', attached.versions, '-', asked.version),
        case when p.id = any(liked) then 1 else 0 end
        + case when p.id = any(reposted) then 2 else 0 end
        + case when p.id = any(bookmarked) then 4 else 0 end
        + case when p.visibility <> 'public' or p.status <> 'published'
                 or (reader is not null and attached.versions is not null and (p.account_id = reader or attached.signed))
          then 8 else 0 end,
        p.likes + coalesce(unfolded.likes, 0), p.replies + coalesce(unfolded.replies, 0), p.reposts + coalesce(unfolded.reposts, 0),
        asked.poll
      ) order by wanted.place), '[]'::json)
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

-- A page of the newest posts before a place as a member has it: without whom they are spared, and with all of their own, also what
-- waits or is private. [cards as above, null or [microseconds of sorted_at, id] of the place where the next page begins].
-- A member who is spared almost everybody gets a shorter page, whose place goes on, rather than a look at every post there is.
create function see_latest(reader uuid, before_at timestamptz, before_id uuid, n integer) returns json language plpgsql stable
set plan_cache_mode = force_generic_plan as $$
declare
  looked_at_most constant integer := 1000;
  ids uuid[];
  moments timestamptz[];
  end_at timestamptz;
  end_id uuid;
begin
  select array_agg(e.id), array_agg(e.sorted_at) into ids, moments from (
    select both_of.id, both_of.sorted_at from (
      (select newest.id, newest.sorted_at from (
         select p.id, p.sorted_at, p.account_id from posts p
         where p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
           and (p.sorted_at, p.id) < (before_at, before_id)
         order by p.sorted_at desc, p.id desc
         limit looked_at_most
       ) as newest
       where not exists (select from hidden_pairs h where h.viewer_id = reader and h.author_id = newest.account_id)
         and not exists (select from mutes m where m.muter_id = reader and m.muted_id = newest.account_id)
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
  if cardinality(ids) > n then
    end_at := moments[n];
    end_id := ids[n];
  else
    select p.sorted_at, p.id into end_at, end_id from posts p
    where p.status = 'published' and p.visibility = 'public' and p.parent_post_id is null
      and (p.sorted_at, p.id) < (before_at, before_id)
    order by p.sorted_at desc, p.id desc
    limit 1 offset looked_at_most - 1;
    if end_id is not null then
      -- What is the reader's own beyond the posts that were looked at comes with the pages after.
      ids := array(select e.id from unnest(ids, moments) with ordinality as e (id, sorted_at, place)
                   where (e.sorted_at, e.id) >= (end_at, end_id) order by e.place);
    end if;
  end if;
  return json_build_array(
    see_cards(reader, ids[1:n], true),
    case when end_id is not null then json_build_array((extract(epoch from end_at) * 1000000)::bigint, end_id) end
  );
end
$$;
