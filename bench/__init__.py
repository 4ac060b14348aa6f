"""Benchmarks: each module measures one thing and records it in results.json and RESULTS.md."""
