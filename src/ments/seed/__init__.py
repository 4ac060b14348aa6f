"""A place full of people, posts and follows, made up: for benchmarks, and to see how the pages look when much is there."""
