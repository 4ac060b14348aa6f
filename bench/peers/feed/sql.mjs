// The statements of ours that the peers ask, with numbers for names; what each is for stands in src/ments/feeds and src/ments/posts.
export const SESSION = `
  select s.kind, s.expires_at, a.id, a.username::text, a.full_name, a.avatar_url, a.is_verified, a.is_admin
  from sessions s join accounts a on a.id = s.account_id
  where s.token_hash = $1 and s.expires_at > now()`

export const SEE_CARDS = 'select see_cards($1::uuid, $2::uuid[], true)::text as said'

export const LATEST = `
  select id from posts
  where status = 'published' and visibility = 'public' and parent_post_id is null
    and (sorted_at, id) < (coalesce(timestamptz 'epoch' + $1::bigint * interval '1 microsecond', 'infinity'), $2::uuid)
  order by sorted_at desc, id desc limit $3`

export const FOLLOWING = `
  select theirs.id from follows f cross join lateral (
    select p.id, p.sorted_at from posts p
    where p.account_id = f.followee_id
      and p.status = 'published' and p.visibility in ('public', 'followers') and p.parent_post_id is null
    order by p.sorted_at desc, p.id desc limit $2
  ) as theirs
  where f.follower_id = $1 order by theirs.sorted_at desc, theirs.id desc limit $2`

// Everybody's part of cards without media and polls, as rows of the bench have it, made by the database.
export const CARDS = `
  select p.id, json_build_object('id', p.id, 'content', p.content, 'visibility', p.visibility, 'status', p.status,
    'created_at', p.created_at, 'published_at', p.sorted_at, 'edited_at', null,
    'author', json_build_object('id', a.id, 'username', a.username, 'full_name', a.full_name, 'headline', a.headline,
      'avatar_url', a.avatar_url, 'is_verified', a.is_verified),
    'environment', case when e.id is null then null else json_build_object('id', e.id, 'name', e.name, 'slug', e.slug) end,
    'media', '[]'::json) as card
  from posts p join accounts a on a.id = p.account_id left join environments e on e.id = p.environment_id
  where p.id = any($1::uuid[])`
