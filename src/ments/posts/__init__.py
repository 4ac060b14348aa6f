"""Posts: text, attachments, replies, and the rooms ("environments") they are written into."""
