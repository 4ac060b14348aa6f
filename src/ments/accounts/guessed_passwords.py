"""The passwords of eight characters or more that lists of stolen ones hold most often, in lower case."""

from __future__ import annotations

GUESSED_PASSWORDS = frozenset(
    """
    12345678 123456789 1234567890 12345678910 123123123 11223344 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 87654321 987654321
    0987654321 123456789a 12341234 123454321 123321123 147258369 159753456 147852369 123qwe123 123qweasd 12345qwert
    1234qwer 21436587 abc12345 abcd1234 a1b2c3d4 abcdefgh abcdefghi aa123456 aa12345678 admin123 administrator
    asdfghjk asdfghjkl asdf1234 azertyuiop baseball basketball batman123 blink182 changeme changeme123 charlie1
    chelsea1 chocolate computer corvette dragon123 elizabeth everton1 facebook football football1 garfield
    hello123 hellohello iloveyou iloveyou1 iloveyou2 internet jennifer jessica1 jordan23 letmein1 letmein123 liverpool
    liverpool1 linkedin manchester marlboro master123 mercedes michael1 michelle midnight monkey123 mustang1 newpassword
    nothing1 p@ssw0rd p@ssword passw0rd passw0rd! password password! password0 password1 password1! password12
    password123 password123! password1234 pa55word pokemon1 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc qwer1234
    qwerasdf qwert123 qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop samantha secret123 shadow123 slipknot
    snowball spiderman starwars startrek steelers sunshine sunshine1 superman superman1 test1234 testtest trustno1
    victoria welcome1 welcome123 whatever william1 zaq12wsx zxcvbnm1 zxcvbnm123 zxcvbnm,
    """.split()  # noqa: SIM905 (a list of words, not of strings)
)
