-- name: see_cards(reader, ids, spare_muted)$
-- What a page of cards is for one reader: see the function. As text, which is decoded into what is used and nothing else.
select see_cards(:reader::uuid, :ids::uuid[], :spare_muted::boolean)::text;
