"""What films cost: ours beside the guide's way and beside bare ffmpeg, on real footage."""
