"""Our jobs beside plain Python and Node `bullmq`: pickup, enqueueing, throughput, idle cost, recovery."""
