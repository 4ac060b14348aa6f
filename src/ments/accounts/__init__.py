"""Accounts: registering, signing in and out, sessions that every process accepts."""
