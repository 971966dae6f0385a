"""One use each, top to bottom: poll, derive, tell. No cleverness."""
