"""Named parameters become numbered ones, each name one number."""

from __future__ import annotations

from ments.db.texts import number_parameters
from ments.feeds.paging import queries


def test_each_name_has_one_number() -> None:
    sql = "select %(a)s::text, %(b_2)s::int, %(a)s::uuid where x like '5%%' and y::text = %(c)s"
    assert number_parameters(sql) == (
        b"select $1::text, $2::int, $1::uuid where x like '5%' and y::text = $3",
        ("a", "b_2", "c"),
    )
    assert number_parameters("select 1") == (b"select 1", ())


def test_what_aiosql_made_of_a_query_is_read() -> None:
    sql, names = number_parameters(queries.see_latest_alone.sql)
    assert names == ("readers", "before_ats", "before_ids", "ns")
    assert b"$1::uuid, $2::timestamptz, $3::uuid, $4::integer" in sql
