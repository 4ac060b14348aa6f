"""The platform's side of HTTP: who asks, what is refused, how errors and headers look, health."""
