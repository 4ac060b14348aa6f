-- name: add_variants(id, generation, before, variants)$
-- More files of the same picture, in the folder that is served; nothing when it was moved or made anew meanwhile.
update media set variants = :variants, updated_at = now()
where id = :id and generation = :generation and status = 'ready' and jsonb_array_length(variants) = :before returning audience;
