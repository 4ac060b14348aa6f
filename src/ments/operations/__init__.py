"""Operations: what those who run the site see of its jobs, and what they do about those that stopped."""
