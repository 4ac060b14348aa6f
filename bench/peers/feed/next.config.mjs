// Nothing of this is a page; compression is the edge's, as with ours and Fastify.
export default {
  compress: false,
  poweredByHeader: false,
  serverExternalPackages: ['pg', 'ioredis'],
  turbopack: { root: import.meta.dirname },
}
