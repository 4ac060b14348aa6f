"""The feed in Fastify and in a Next.js route handler, which bench/feed measures beside ours."""
