"""Usernames, addresses, passwords."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.accounts.rules import (
    RESERVED_USERNAMES,
    USERNAME,
    check_registration,
    cut_off_error,
    email_error,
    password_error,
    tidy_email,
    username_error,
)


@pytest.mark.parametrize("name", ["ada", "a_b", "lena2", "a" * 20, "x9_y8_z"])
def test_usernames_that_pass(name: str) -> None:
    assert username_error(name) is None


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 21, "Ada", "1ada", "_ada", "a__b", "ada!", "ada\n", "adä", "a b c", "admin", "operator"]
)
def test_usernames_that_do_not(name: str) -> None:
    assert username_error(name)


@given(st.from_regex(r"[a-z][a-z0-9_]{2,19}", fullmatch=True))
def test_only_double_underscores_and_kept_names_are_refused_beyond_the_pattern(name: str) -> None:
    assert (username_error(name) is None) == ("__" not in name and name not in RESERVED_USERNAMES)


@given(st.text(max_size=30))
def test_whatever_passes_fits_the_pattern(name: str) -> None:
    if username_error(name) is None:
        assert USERNAME.fullmatch(name)
        assert name.isascii()


def test_a_cut_off_address_is_told_where_it_stops() -> None:
    says = "The address looks cut off after “lena@haldenair”. Is the ending missing, like .com?"
    for check in (email_error, cut_off_error):
        assert check("lena@haldenair") == check(" lena@haldenair.") == says
        assert check("lena@") == "The address looks cut off after the @. What follows it?"
    # A username is no address, and has no ending to miss.
    assert cut_off_error("lena") is None


@pytest.mark.parametrize("email", ["lena@haldenair.com", " lena@haldenair.com ", "a.b+c@x.test", "ü@bücher.example"])
def test_addresses_that_pass(email: str) -> None:
    assert email_error(email) is None


@pytest.mark.parametrize(
    "email", ["", "  ", "lena", "lena@", "@haldenair.com", "a b@x.com", "a@x..com", "a@-x.com", f"{'a' * 250}@x.com"]
)
def test_addresses_that_do_not(email: str) -> None:
    assert email_error(email)


def test_an_address_is_kept_with_its_domain_in_lower_case() -> None:
    assert tidy_email(" Lena@Haldenair.COM ") == "Lena@haldenair.com"


@pytest.mark.parametrize(
    "password", ["short", "", "a" * 257, "password123", "PASSWORD123", "aaaaaaaaaaaa", "lena_holt", "lena@x.example"]
)
def test_passwords_that_do_not_pass(password: str) -> None:
    assert password_error(password, username="lena_holt", email="lena@x.example")


@pytest.mark.parametrize("password", ["correct horse battery", "ünïcödé ok", "x7-q9!pZ", "a" * 100 + "bc"])
def test_passwords_that_pass(password: str) -> None:
    assert password_error(password, username="lena_holt", email="lena@x.example") is None


def test_each_field_is_told_once() -> None:
    found = check_registration(email="lena@haldenair", username="Lena", password="short")
    assert [item.field for item in found] == ["email", "username", "password"]
    assert check_registration(email="lena@x.example", username="lena", password="a fine long one") == []
